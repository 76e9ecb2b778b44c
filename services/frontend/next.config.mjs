/** @type {import("next").NextConfig} */
export default {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
  // No picture goes through the image optimizer, so its native library stays out of the image.
  images: { unoptimized: true },
  outputFileTracingExcludes: { "*": ["node_modules/@img/**", "node_modules/sharp/**"] },
  // Types are checked by `npm run typecheck`, not a second time in every image build.
  typescript: { ignoreBuildErrors: true },
  experimental: { useTypeScriptCli: true },
  // One id for every replica and every build of the same sources.
  generateBuildId: () => process.env.BUILD_ID ?? null,
  poweredByHeader: false,
  reactStrictMode: true,
  // The container's file system is read-only: nothing is cached on disk.
  cacheMaxMemorySize: 8 * 1024 * 1024,
};
