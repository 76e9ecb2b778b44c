# A server in JavaScript or TypeScript; the context is its folder. It is started by its script `start`.
ARG NODE_IMAGE=node:24-trixie-slim

# Packages as of the day BEFORE, where no lock says which; a mirror of the registry may not know what there was that day.
FROM ${NODE_IMAGE} AS build
ARG BEFORE=""
# ADD: programs beside its own packages, in a folder of their own, for what makes its tables.
ARG ADD=""
WORKDIR /app
COPY package.json *-lock.json *-lock.yaml yarn.loc[k] .npmr[c] ./
# Of a package whose version there never was any is taken.
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_prefer_offline=true \
    && if [ -n "$BEFORE" ]; then export npm_config_before="$BEFORE"; fi \
    && if host="$(grep -sEom1 'registry\.(npmmirror\.com|npm\.taobao\.org|yarnpkg\.com)' package-lock.json)"; then \
        export npm_config_replace_registry_host="$host"; fi \
    && if [ -f pnpm-lock.yaml ]; then npm install --global pnpm@9 && \
        { pnpm install --frozen-lockfile --ignore-scripts || pnpm install --no-frozen-lockfile --ignore-scripts; }; \
    elif [ -f yarn.lock ] && ! grep -q __metadata yarn.lock; then npm install --global yarn@1 && \
        { yarn install --frozen-lockfile --ignore-scripts || yarn install --ignore-scripts; }; \
    else resolve() { npm install --ignore-scripts 2>/dev/null || npm install --ignore-scripts --legacy-peer-deps 2>/tmp/log; }; \
        any() { one="$(sed -nE 's/.*No matching version found for (@?[^@ ]+)@.*/\1/p;T;q' /tmp/log)" \
            && grep -qsE "\"$one\" *: *\"[^*]" package.json && echo "there is no such version of $one: any is taken" \
            && sed -i -E "s|(\"$one\" *: *\")[^\"]*|\1*|" package.json && resolve; }; \
        { [ -f package-lock.json ] && npm ci --ignore-scripts; } || resolve || { [ -n "$BEFORE" ] && unset npm_config_before && resolve; } \
        || any || any || any || { cat /tmp/log >&2; exit 1; }; fi
# hadolint ignore=DL3016
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    if [ -n "$ADD" ]; then npm install --prefix .tools --ignore-scripts --no-audit --no-fund --no-update-notifier $ADD; fi
COPY . .
# Where its types alone are wrong, the JavaScript that TypeScript makes of it all the same is what a person's own
# machine would run.
RUN if [ -f prisma/schema.prisma ]; then node_modules/.bin/prisma generate; fi \
    && made() { node -e 'const [, file] = require("./package.json").scripts.start.match(/\bnode\s+(?:-\S+\s+)*([^-\s]\S*)/); require.resolve("./" + file)'; } \
    && if ! npm run build --if-present --no-update-notifier >/tmp/log 2>&1; then \
        cat /tmp/log; grep -q "error TS" /tmp/log || exit 1; \
        echo "once more, without judging types and style" \
        && { made 2>/dev/null || node_modules/.bin/tsc --noEmitOnError false || made; } || exit 1; \
    else cat /tmp/log; fi

FROM ${NODE_IMAGE}
ENV NODE_ENV=production HOME=/tmp npm_config_update_notifier=false
WORKDIR /app
# A program may write beside itself, as it does where it was written: a log, what is sent to it.
RUN chown 10001:10001 /app
COPY --chown=10001:10001 --from=build /app ./
USER 10001:10001
CMD ["npm", "start", "--silent"]
