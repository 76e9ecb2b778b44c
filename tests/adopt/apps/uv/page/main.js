fetch((import.meta.env.VITE_API_BASE ?? "/api") + "/health");
