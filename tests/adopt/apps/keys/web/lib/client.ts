export const backend = process.env.NEXT_PUBLIC_BACKEND_URL!;
export const secret = process.env.BETTER_AUTH_SECRET;
