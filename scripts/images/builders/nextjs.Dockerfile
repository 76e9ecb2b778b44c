# Any Next.js application without a Dockerfile that works; the context is its folder.
# With `output: "standalone"` in its next.config only what a page needs is in the image, else all its packages.
ARG NODE_IMAGE=node:24-trixie-slim

# Reinstalled only when the lock changes. A lock that does not fit package.json is not the end: npm resolves what it lacks,
# as of the day BEFORE where one is given.
FROM ${NODE_IMAGE} AS packages
ARG BEFORE=""
WORKDIR /app
COPY package.json *-lock.json *-lock.yaml yarn.loc[k] .npmr[c] ./
# What yarn keeps aside stays in this stage.
# hadolint ignore=DL3060
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_prefer_offline=true \
    && if [ -n "$BEFORE" ]; then export npm_config_before="$BEFORE"; fi \
    && if [ -f pnpm-lock.yaml ]; then npm install --global pnpm@9 && pnpm install --frozen-lockfile --ignore-scripts; \
    elif [ -f yarn.lock ]; then npm install --global yarn@1 && yarn install --frozen-lockfile --ignore-scripts; \
    else { [ -f package-lock.json ] && npm ci --ignore-scripts; } || npm install --ignore-scripts --legacy-peer-deps; fi

FROM packages AS build
ENV NEXT_TELEMETRY_DISABLED=1 NODE_ENV=production
# Packages beside its own, and WHOLE: all of the application and its packages, for what makes its tables in this image.
ARG ADD=""
ARG WHOLE=""
# ADD names its versions.
# hadolint ignore=DL3016
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    if [ -n "$ADD" ]; then npm install --no-save --no-audit --no-fund --legacy-peer-deps $ADD; fi
COPY . .
# Prisma's client is made from its schema. The application's own build script, else Next.js' command.
# The file `.start` says how the result is run.
RUN if [ -f prisma/schema.prisma ]; then node_modules/.bin/prisma generate; fi \
    && npm run build --if-present --no-update-notifier \
    && { [ -d .next ] || node_modules/.bin/next build; } \
    && mkdir -p public /out \
    && if [ -z "$WHOLE" ] && [ -f .next/standalone/server.js ]; then \
        cp -R .next/standalone/. /out \
        && mkdir -p /out/.next && cp -R .next/static /out/.next/ && cp -R public /out/ \
        && echo 'HOSTNAME=0.0.0.0 exec node server.js' >/out/.start; \
    else \
        rm -rf .next/cache .npmrc && cp -R . /out \
        && echo 'exec node node_modules/next/dist/bin/next start --hostname 0.0.0.0' >/out/.start; \
    fi \
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
