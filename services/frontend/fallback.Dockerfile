# Any Next.js application with a package-lock.json and no Dockerfile of its own; the context is its folder.
# With `output: "standalone"` in its next.config only what a page needs is in the image, else all its packages.
ARG NODE_IMAGE=node:24-trixie-slim

# Reinstalled only when the lock changes.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc* ./
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    npm ci --no-audit --no-fund --no-update-notifier --prefer-offline

FROM packages AS build
ENV NEXT_TELEMETRY_DISABLED=1 NODE_ENV=production
COPY . .
# The application's own build script, else Next.js' command. The file `.start` says how the result is run.
RUN npm run build --if-present --no-update-notifier \
    && { [ -d .next ] || node_modules/.bin/next build; } \
    && mkdir -p public /out \
    && if [ -f .next/standalone/server.js ]; then \
        cp -R .next/standalone/. /out \
        && mkdir -p /out/.next && cp -R .next/static /out/.next/ && cp -R public /out/ \
        && echo 'HOSTNAME=0.0.0.0 exec node server.js' >/out/.start; \
    else \
        npm prune --omit=dev --no-audit --no-fund --no-update-notifier \
        && rm -rf .next/cache .npmrc && cp -R . /out \
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
