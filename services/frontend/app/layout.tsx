import type { Metadata, Viewport } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";

import "./globals.css";

export const metadata: Metadata = {
  title: "Todo Chatbot",
  description: "Your todos, by hand or by chat.",
};

export const viewport: Viewport = {
  colorScheme: "light dark",
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f6f5f1" },
    { media: "(prefers-color-scheme: dark)", color: "#14151a" },
  ],
};

/**
 * Runs before all other scripts.
 *
 * Scripts may be loaded from this application's own files and nowhere else, whoever asks for it.
 *
 * While a release is being rolled out, a page of one version may ask a replica of the other for its scripts, in vain.
 * Then it is loaded anew, a few times with growing pauses.
 */
const PRELUDE = `
globalThis.trustedTypes?.createPolicy("default", {
  createScriptURL(url) {
    const { origin, pathname } = new URL(url, location.href);
    if (origin === location.origin && pathname.startsWith("/_next/")) return url;
    throw new TypeError("not a script of this application: " + url);
  },
});
addEventListener("error", ({ target }) => {
  const tries = Number(sessionStorage.getItem("reloads"));
  if (!(target instanceof HTMLScriptElement || target instanceof HTMLLinkElement) || tries >= 5) return;
  sessionStorage.setItem("reloads", tries + 1);
  setTimeout(() => location.reload(), 300 * 2 ** tries);
}, true);
`;

/** Reading the nonce of this answer also keeps every page from being made at build time, without one. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const policy = (await headers()).get("content-security-policy");
  const nonce = policy?.match(/'nonce-([^']+)'/)?.[1];
  return (
    <html lang="en">
      <body>
        <script nonce={nonce} suppressHydrationWarning dangerouslySetInnerHTML={{ __html: PRELUDE }} />
        {children}
      </body>
    </html>
  );
}
