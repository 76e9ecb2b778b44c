# One program of a workspace of npm, pnpm or yarn that uses packages which lie beside it; the context is the workspace's
# root. A Next.js application, a server that is started by its script `start`, or a page that is files once it is built.
ARG NODE_IMAGE=node:24-trixie-slim

# MEMBER: the program's folder. BESIDE: those of the packages that it uses, each after those that it needs itself.
# The packages are those of the lock, which is the workspace's, else as of the day BEFORE.
FROM ${NODE_IMAGE} AS build
ARG BEFORE=""
ENV NEXT_TELEMETRY_DISABLED=1 YARN_NODE_LINKER=node-modules YARN_ENABLE_SCRIPTS=false
WORKDIR /workspace
COPY . .
# Of a package whose version there never was any is taken.
# hadolint ignore=DL3016,DL3060,SC2086
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_prefer_offline=true \
    && if [ -n "$BEFORE" ]; then export npm_config_before="$BEFORE"; fi \
    && if host="$(grep -sEom1 'registry\.(npmmirror\.com|npm\.taobao\.org|yarnpkg\.com)' package-lock.json)"; then \
        export npm_config_replace_registry_host="$host"; fi \
    && if [ -f pnpm-workspace.yaml ] || [ -f pnpm-lock.yaml ]; then npm install --global pnpm@9 && \
        { pnpm install --frozen-lockfile --ignore-scripts || pnpm install --no-frozen-lockfile --ignore-scripts; }; \
    elif [ -f yarn.lock ] && grep -q __metadata yarn.lock; then npm install --global @yarnpkg/cli-dist@4 && yarn install; \
    elif [ -f yarn.lock ]; then npm install --global yarn@1 && \
        { yarn install --frozen-lockfile --ignore-scripts || yarn install --ignore-scripts; }; \
    else resolve() { npm install --ignore-scripts 2>/dev/null || npm install --ignore-scripts --legacy-peer-deps 2>/tmp/log; }; \
        any() { own="$(find . -name package.json -not -path '*/node_modules/*')" && one="$(sed -nE 's/.*No matching version found for (@?[^@ ]+)@.*/\1/p;T;q' /tmp/log)" \
            && grep -qsE "\"$one\" *: *\"[^*]" $own && echo "there is no such version of $one: any is taken" \
            && sed -i -E "s|(\"$one\" *: *\")[^\"]*|\1*|" $own && resolve; }; \
        { [ -f package-lock.json ] && npm ci --ignore-scripts; } || resolve || { [ -n "$BEFORE" ] && unset npm_config_before && resolve; } \
        || any || any || any || { cat /tmp/log >&2; exit 1; }; fi
ARG MEMBER
ARG BESIDE=""
ARG ADD=""
# FILES: the program is a page whose files are served; of the workspace nothing else is in the image.
ARG FILES=""
# ADD names its versions.
# hadolint ignore=DL3016
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    if [ -n "$ADD" ]; then npm install --prefix "$MEMBER/.tools" --ignore-scripts --no-audit --no-fund --no-update-notifier $ADD; fi
# What a page caches is written elsewhere: the root filesystem is read-only. What only the types of a page of files fail is
# built once more without judging them; what lies beside it is there for all its types.
# hadolint ignore=DL3003,DL4006,SC2016
RUN for one in $BESIDE "$MEMBER"; do \
        if [ -f "$one/prisma/schema.prisma" ]; then (cd "$one" && npx --no-install prisma generate) || exit 1; fi; \
        { (cd "$one" && npm run build --if-present --no-update-notifier) 2>&1 || touch /tmp/failed; } | tee /tmp/log; \
        [ -e /tmp/failed ] || continue; \
        { [ -n "$FILES" ] && rm /tmp/failed && grep -qE "error TS[0-9]+|^TS[0-9]+:|\[eslint\]" /tmp/log; } || exit 1; \
        [ "$one" = "$MEMBER" ] || continue; \
        echo "once more, without judging types and style"; \
        if [ -x "$one/node_modules/.bin/vite" ] || [ -x node_modules/.bin/vite ]; then (cd "$one" && npx --no-install vite build); \
        else (cd "$one" && TSC_COMPILE_ON_ERROR=true DISABLE_ESLINT_PLUGIN=true npm run build --no-update-notifier); fi || exit 1; \
    done \
    && if [ -n "$FILES" ]; then \
        for folder in dist build out; do \
            if [ -f "$MEMBER/$folder/index.html" ]; then mv "$MEMBER/$folder" /site; break; fi; \
        done; \
        [ -f /site/index.html ] || { echo "the build wrote no index.html into dist, build or out" >&2; exit 1; }; \
        cd / && rm -rf /workspace && mkdir -p "/workspace/$MEMBER" && mv /site "/workspace/$MEMBER/site" \
        && npm install --prefix "/workspace/$MEMBER" --no-audit --no-fund --no-update-notifier sirv-cli@3.0.1 \
        && echo 'exec node_modules/.bin/sirv site --single --quiet --host 0.0.0.0 --port "$PORT"' >"/workspace/$MEMBER/.start"; \
    elif [ -d "$MEMBER/.next" ]; then \
        rm -rf "$MEMBER/.next/cache" && ln -s /tmp "$MEMBER/.next/cache" \
        && echo 'exec npx --no-install next start --hostname 0.0.0.0' >"$MEMBER/.start"; \
    else echo 'exec npm start --silent' >"$MEMBER/.start"; fi

FROM ${NODE_IMAGE}
ARG MEMBER
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 PORT=3000 HOME=/tmp npm_config_update_notifier=false
COPY --chown=10001:10001 --from=build /workspace /workspace
RUN ln -s "/workspace/$MEMBER" /app
WORKDIR /app
USER 10001:10001
EXPOSE 3000
CMD ["sh", ".start"]
