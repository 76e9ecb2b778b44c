"use client";

import "./globals.css";

/** Shown when even the layout could not be drawn. */
export default function GlobalError({ reset }: { reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <main className="splash">
          <title>Something went wrong · Todo Chatbot</title>
          <h1>Something went wrong.</h1>
          <button type="button" className="button" onClick={reset}>
            Try again
          </button>
        </main>
      </body>
    </html>
  );
}
