import { drizzle } from "drizzle-orm/node-postgres";
import express from "express";
import { createClient } from "redis";
import { notes } from "./schema.js";

const db = drizzle(process.env.DATABASE_URL);
const cache = await createClient({ url: process.env.REDIS_URL ?? "redis://localhost:6379" }).connect();
const app = express();
app.use((request, answer, next) => {
  answer.set("Access-Control-Allow-Origin", "http://localhost:3000");
  next();
});
app.get("/health", (request, answer) => answer.json({ ok: true }));
app.get("/notes", async (request, answer) => {
  answer.json({ asked: await cache.incr("asked"), notes: await db.select().from(notes) });
});
app.listen(process.env.PORT ?? 4000);
