/** Prometheus metrics of the HTTP server, named as in the other services. */

/** Upper bounds in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class Metrics {
  inFlight = 0;
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, { buckets: number[]; sum: number; count: number }>();

  /** `route` must come from a small, fixed set: every value is a time series. */
  record(method: string, route: string, status: string, seconds: number): void {
    const key = `method="${known(method)}",route="${route}"`;
    const request = `${key},status="${status}"`;
    this.#requests.set(request, (this.#requests.get(request) ?? 0) + 1);
    let duration = this.#durations.get(key);
    if (!duration) this.#durations.set(key, (duration = { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 }));
    BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) duration.buckets[index]! += 1;
    });
    duration.sum += seconds;
    duration.count += 1;
  }

  /** Text exposition format 0.0.4. */
  render(): string {
    const { rss } = process.memoryUsage();
    const cpu = process.cpuUsage();
    const lines = ["# HELP http_requests_total Requests answered.", "# TYPE http_requests_total counter"];
    for (const [labels, count] of this.#requests) lines.push(`http_requests_total{${labels}} ${count}`);
    lines.push(
      "# HELP http_request_duration_seconds Time until the last byte of the answer.",
      "# TYPE http_request_duration_seconds histogram",
    );
    for (const [labels, { buckets, sum, count }] of this.#durations) {
      BUCKETS.forEach((bound, index) => {
        lines.push(`http_request_duration_seconds_bucket{${labels},le="${bound}"} ${buckets[index]}`);
      });
      lines.push(
        `http_request_duration_seconds_bucket{${labels},le="+Inf"} ${count}`,
        `http_request_duration_seconds_sum{${labels}} ${sum}`,
        `http_request_duration_seconds_count{${labels}} ${count}`,
      );
    }
    lines.push(
      "# HELP http_requests_in_flight Requests being answered now.",
      "# TYPE http_requests_in_flight gauge",
      `http_requests_in_flight ${this.inFlight}`,
      "# HELP process_resident_memory_bytes Resident memory size in bytes.",
      "# TYPE process_resident_memory_bytes gauge",
      `process_resident_memory_bytes ${rss}`,
      "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.",
      "# TYPE process_cpu_seconds_total counter",
      `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
    );
    return `${lines.join("\n")}\n`;
  }
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

function known(method: string): string {
  return METHODS.has(method) ? method : "other";
}

/** The route of a path as a label: ids and file names must not multiply time series. */
export function routeOf(path: string): string {
  if (path === "/" || path === "/healthz" || path === "/readyz" || path === "/metrics") return path;
  if (path.startsWith("/_next/")) return "/_next/*";
  if (path === "/api/todos" || path.startsWith("/api/auth/") || path.startsWith("/api/chat")) return knownApi(path);
  if (path.startsWith("/api/todos/")) return "/api/todos/{id}";
  return path.startsWith("/api/") ? "/api/*" : "other";
}

const API_ROUTES = new Set([
  "/api/todos",
  "/api/auth/register",
  "/api/auth/login",
  "/api/auth/logout",
  "/api/auth/me",
  "/api/chat",
  "/api/chat/stream",
  "/api/chat/history",
]);

function knownApi(path: string): string {
  return API_ROUTES.has(path) ? path : "/api/*";
}
