import type { ReactNode } from "react";

import { CheckIcon } from "./icons";

/** One paragraph or one list of an answer. */
export type Block = { kind: "text"; text: string } | { kind: ListKind; items: Item[] };
type ListKind = "bullets" | "numbers" | "checks";

interface Item {
  text: string;
  /** Whether it is ticked, for a list of checks. */
  done: boolean;
}

const CHECK = /^\s*(?:[-*•]\s+)?\[([ xX])\]\s+(.*)$/;
const BULLET = /^\s*[-*•]\s+(.*)$/;
const NUMBER = /^\s*\d{1,3}[.)]\s+(.*)$/;

function itemOf(line: string): { kind: ListKind; item: Item } | undefined {
  const check = CHECK.exec(line);
  if (check) return { kind: "checks", item: { text: check[2]!, done: check[1] !== " " } };
  const bullet = BULLET.exec(line);
  if (bullet) return { kind: "bullets", item: { text: bullet[1]!, done: false } };
  const number = NUMBER.exec(line);
  return number ? { kind: "numbers", item: { text: number[1]!, done: false } } : undefined;
}

/** The little Markdown that models write into short answers: lists and paragraphs. All else stays as it is. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  for (const line of text.split("\n")) {
    const found = itemOf(line);
    const last = blocks.at(-1);
    if (found) {
      if (last && last.kind !== "text" && last.kind === found.kind) last.items.push(found.item);
      else blocks.push({ kind: found.kind, items: [found.item] });
    } else if (last?.kind === "text") {
      last.text += `\n${line}`;
    } else {
      blocks.push({ kind: "text", text: line });
    }
  }
  return blocks
    .map((block) => (block.kind === "text" ? { ...block, text: block.text.trim() } : block))
    .filter((block) => block.kind !== "text" || block.text !== "");
}

/** Text with **strong** words. */
function inline(text: string): ReactNode[] {
  return text.split(/\*\*([^*\n]+)\*\*/).map((part, index) => (index % 2 ? <strong key={index}>{part}</strong> : part));
}

export function RichText({ text }: { text: string }) {
  return blocksOf(text).map((block, index) => {
    switch (block.kind) {
      case "text":
        return <p key={index}>{inline(block.text)}</p>;
      case "numbers":
        return <ol key={index}>{itemsOf(block.items)}</ol>;
      case "bullets":
        return <ul key={index}>{itemsOf(block.items)}</ul>;
      case "checks":
        return (
          <ul key={index} className="checks">
            {block.items.map(({ text, done }, position) => (
              <li key={position} className={done ? "done" : undefined}>
                <span className="tick">{done && <CheckIcon />}</span>
                <span>
                  <span className="visually-hidden">{done ? "Done: " : "Open: "}</span>
                  {inline(text)}
                </span>
              </li>
            ))}
          </ul>
        );
    }
  });
}

function itemsOf(items: Item[]): ReactNode[] {
  return items.map(({ text }, position) => <li key={position}>{inline(text)}</li>);
}
