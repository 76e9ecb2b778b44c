export const API_URL = process.env.NEXT_PUBLIC_API_URL ?? "http://localhost:8000/api/v1";

export const plans = () => fetch(`${API_URL}/plans`, { credentials: "include" });
