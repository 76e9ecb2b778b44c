/** The backend's address is known when the server runs, not when it is built: the chart gives it as API_BASE_URL. */
export function entriesUrl() {
  return new URL("/entries", process.env.API_BASE_URL ?? "http://localhost:8000");
}
