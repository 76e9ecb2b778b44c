# Any Next.js application without a Dockerfile that works; the context is its folder.
# With `output: "standalone"` in its next.config only what a page needs is in the image, else all its packages.
ARG NODE_IMAGE=node:24-trixie-slim

# Reinstalled only when the lock changes. A lock that does not fit package.json is not the end: npm resolves what it lacks,
# as of the day BEFORE where one is given; a mirror of the registry may not know what there was that day.
# A lock that was made with a public mirror is good for the registry that there is: by its digests the packages are the same.
FROM ${NODE_IMAGE} AS packages
ARG BEFORE=""
# MORE: packages that its sources load and its package.json does not ask for; the build itself ends where one is none.
# Nobody has vouched for these, so nothing of theirs runs while they are installed.
ARG MORE=""
WORKDIR /app
COPY package.json *-lock.json *-lock.yaml yarn.loc[k] .npmr[c] ./
# Of a package whose version there never was any is taken.
# What yarn keeps aside stays in this stage.
# hadolint ignore=DL3016,DL3060
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
        || any || any || any || { cat /tmp/log >&2; exit 1; }; fi \
    && for one in $MORE; do \
        [ -d "node_modules/$one" ] || { if [ -f pnpm-lock.yaml ]; then pnpm add --ignore-scripts "$one"; \
        elif [ -f yarn.lock ]; then yarn add --ignore-scripts "$one"; \
        else npm install --no-save --ignore-scripts --legacy-peer-deps "$one"; fi || true; }; \
    done

FROM packages AS build
ENV NEXT_TELEMETRY_DISABLED=1 NODE_ENV=production
# ADD: programs beside its own packages, in a folder of their own; WHOLE: all of the application and its packages. Both are
# for what makes its tables in this image.
ARG ADD=""
ARG WHOLE=""
# ADD names its versions. Scripts of packages fetch from elsewhere what a tool can do without.
# hadolint ignore=DL3016
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    if [ -n "$ADD" ]; then npm install --prefix /tools --ignore-scripts --no-audit --no-fund --no-update-notifier $ADD; fi
COPY . .
# Prisma's client is made from its schema. The application's own build script, else Next.js' command.
# What only its types or its style fail is built once more without judging them. The file `.start` says how the result is run.
# What the build ends with is kept in a file, since the shell of the base image has no pipefail. Of a next.config.ts, which
# Next.js knows since 15, an earlier one gets the JavaScript.
# hadolint ignore=DL4006
RUN if [ -f next.config.ts ] && [ ! -f next.config.js ] && [ ! -f next.config.mjs ]; then \
        node -e 'const fs = require("fs"); \
            if (parseInt(require("next/package.json").version) < 15) { \
                const ts = require("typescript"), options = { module: "ESNext", target: "ES2020" }; \
                const text = ts.transpileModule(fs.readFileSync("next.config.ts", "utf8"), { compilerOptions: options }).outputText; \
                fs.writeFileSync("next.config.mjs", text); fs.rmSync("next.config.ts"); }'; \
    fi \
    && build() { { npm run build --if-present --no-update-notifier && { [ -d .next ] || node_modules/.bin/next build; }; } 2>&1; } \
    && if [ -f prisma/schema.prisma ]; then node_modules/.bin/prisma generate; fi \
    && if ! build >/tmp/log; then \
        cat /tmp/log; grep -qE "Type error|ESLint|checking validity of types|Running TypeScript" /tmp/log || exit 1; \
        echo "once more, without judging types and style" \
        && node -e 'const fs = require("fs"), own = ["ts", "mjs", "js"].find((end) => fs.existsSync("next.config." + end)), end = own || "mjs"; \
            const text = own ? fs.readFileSync("next.config." + own, "utf8") : "", module = end !== "js" || /^export default/m.test(text); \
            fs.writeFileSync("next.own." + end, text || "export default {}"); \
            const name = end === "ts" ? "./next.own" : "./next.own." + end; \
            const load = module ? "import own from \"" + name + "\"; export default" : "const own = require(\"" + name + "\"); module.exports ="; \
            const rest = "const c = typeof own === \"function\" ? await own(...a) : own; return { ...c, eslint: { ...c.eslint, ignoreDuringBuilds: true }, typescript: { ...c.typescript, ignoreBuildErrors: true } };"; \
            fs.writeFileSync("next.config." + end, load + " async (...a) => { " + rest + " };");' \
        && build || exit 1; \
    fi \
    && mkdir -p public /out \
    && if [ -z "$WHOLE" ] && [ -f .next/standalone/server.js ]; then \
        cp -R .next/standalone/. /out \
        && mkdir -p /out/.next && cp -R .next/static /out/.next/ && cp -R public /out/ \
        && echo 'HOSTNAME=0.0.0.0 exec node server.js' >/out/.start; \
    else \
        rm -rf .next/cache .npmrc && cp -R . /out \
        && echo 'exec node node_modules/next/dist/bin/next start --hostname 0.0.0.0' >/out/.start; \
    fi \
    && if [ -d /tools ]; then mv /tools /out/.tools; fi \
    # The root filesystem is read-only; what Next.js caches is not.
    && for cache in cache server/route-cache; do \
        [ -e "/out/.next/$cache" ] || ln -s /tmp "/out/.next/$cache"; \
    done

FROM ${NODE_IMAGE}
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 PORT=3000
WORKDIR /app
COPY --from=build /out ./
USER 10001:10001
EXPOSE 3000
CMD ["sh", ".start"]
