export const api = process.env.NEXT_PUBLIC_API_URL || "http://localhost:8000";
