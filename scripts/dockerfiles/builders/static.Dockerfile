# A page that is files once it is built: Vite, Create React App and the like; the context is its folder.
ARG NODE_IMAGE=node:24-trixie-slim

# Packages as of the day BEFORE, where no lock says which; a mirror of the registry may not know what there was that day.
FROM ${NODE_IMAGE} AS build
ARG BEFORE=""
# MORE: packages that its sources load and its package.json does not ask for; the build itself ends where one is none.
# Nobody has vouched for these, so nothing of theirs runs while they are installed.
ARG MORE=""
WORKDIR /app
COPY package.json *-lock.json *-lock.yaml yarn.loc[k] .npmr[c] ./
# Of a package whose version there never was any is taken.
# hadolint ignore=DL3016
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_prefer_offline=true \
    && if [ -n "$BEFORE" ]; then export npm_config_before="$BEFORE"; fi \
    && if host="$(grep -sEom1 'registry\.(npmmirror\.com|npm\.taobao\.org|yarnpkg\.com)' package-lock.json)"; then \
        export npm_config_replace_registry_host="$host"; fi \
    && if [ -f pnpm-lock.yaml ]; then npm install --global pnpm@9 && \
        { pnpm install --frozen-lockfile || pnpm install --no-frozen-lockfile; }; \
    elif [ -f yarn.lock ] && ! grep -q __metadata yarn.lock; then npm install --global yarn@1 && \
        { yarn install --frozen-lockfile || yarn install; }; \
    else resolve() { npm install 2>/dev/null || npm install --legacy-peer-deps 2>/tmp/log; }; \
        any() { one="$(sed -nE 's/.*No matching version found for (@?[^@ ]+)@.*/\1/p;T;q' /tmp/log)" \
            && grep -qsE "\"$one\" *: *\"[^*]" package.json && echo "there is no such version of $one: any is taken" \
            && sed -i -E "s|(\"$one\" *: *\")[^\"]*|\1*|" package.json && resolve; }; \
        { [ -f package-lock.json ] && npm ci; } || resolve || { [ -n "$BEFORE" ] && unset npm_config_before && resolve; } \
        || any || any || any || { cat /tmp/log >&2; exit 1; }; fi \
    && for one in $MORE; do \
        [ -d "node_modules/$one" ] || { if [ -f pnpm-lock.yaml ]; then pnpm add --ignore-scripts "$one"; \
        elif [ -f yarn.lock ]; then yarn add --ignore-scripts "$one"; \
        else npm install --no-save --ignore-scripts --legacy-peer-deps "$one"; fi || true; }; \
    done
COPY . .
# What only its types fail is built once more without judging them. That the build failed is kept in a file, since the
# shell of the base image has no pipefail.
# hadolint ignore=DL4006
RUN { npm run build --no-update-notifier 2>&1 || touch /tmp/failed; } | tee /tmp/log; \
    if [ -e /tmp/failed ]; then \
        grep -qE "error TS[0-9]+|^TS[0-9]+:|\[eslint\]" /tmp/log || exit 1; \
        echo "once more, without judging types and style"; \
        if [ -x node_modules/.bin/vite ]; then node_modules/.bin/vite build; \
        else TSC_COMPILE_ON_ERROR=true DISABLE_ESLINT_PLUGIN=true npm run build --no-update-notifier; fi || exit 1; \
    fi \
    && for folder in dist build out; do \
        if [ -f "$folder/index.html" ]; then mv "$folder" /site; break; fi; \
    done \
    && { [ -f /site/index.html ] || { echo "the build wrote no index.html into dist, build or out" >&2; exit 1; }; }

FROM ${NODE_IMAGE}
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    npm install --global --no-audit --no-fund --no-update-notifier sirv-cli@3.0.1
COPY --from=build /site /site
ENV NODE_ENV=production
USER 10001:10001
EXPOSE 3000
CMD ["sh", "-c", "exec sirv /site --single --quiet --host 0.0.0.0 --port ${PORT:-3000}"]
