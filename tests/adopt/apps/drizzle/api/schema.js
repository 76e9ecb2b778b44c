import { pgTable, serial, text } from "drizzle-orm/pg-core";

export const notes = pgTable("note", { id: serial("id").primaryKey(), title: text("title").notNull() });
