/** Headers that keep the page to itself: its own scripts, its own server, nobody's frame. */

import { randomBytes } from "node:crypto";

export function makeNonce(): string {
  return randomBytes(16).toString("base64");
}

/** Strings become scripts or markup only through the page's own policy, in the layout, or Next.js' own. */
const PRODUCTION = [
  "script-src NONCE 'strict-dynamic'",
  "style-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types default nextjs",
];

/** The development server evaluates source maps and injects styles for hot reload. */
const DEVELOPMENT = ["script-src NONCE 'strict-dynamic' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'"];

/** Next.js reads the nonce from this policy in the request and puts it on every script it writes. */
export function contentSecurityPolicy(nonce: string, development: boolean): string {
  return [
    "default-src 'none'",
    ...(development ? DEVELOPMENT : PRODUCTION).map((directive) => directive.replace("NONCE", `'nonce-${nonce}'`)),
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** Once reached over TLS, never again without: for a year. */
export const STRICT_TRANSPORT = "max-age=31536000";

export const SECURITY_HEADERS: Record<string, string> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};
