/**
 * Recorded conversations as annotated hex: `>>>` begins a chunk of the client, `<<<` one of the server; comments say what
 * its messages are, and the bytes follow. Chunks stand in the order in which a gateway between the two would have met them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describeMessages } from "#test/protocols/postgres/transcript.ts";
import { ROOT } from "#test/support/tree.ts";

export const CAPTURES = join(ROOT, "test", "captures", "postgres");

export interface Chunk {
  readonly side: "client" | "server";
  readonly bytes: Buffer;
}

export interface Capture {
  readonly name: string;
  /** Lines that say what was recorded, with which versions. */
  readonly about: readonly string[];
  readonly chunks: readonly Chunk[];
}

const HEX_COLUMNS = 40;

/** The text of a capture's file. A message that spans chunks is shown as bytes. */
export function formatCapture({ about, chunks }: Capture): string {
  const lines = about.map((line) => `# ${line}`);
  for (const { side, bytes } of chunks) {
    lines.push("", side === "client" ? ">>>" : "<<<");
    for (const message of messagesOf(bytes)) {
      for (const line of describeMessages(side, message)) lines.push(`# ${printable(line)}`);
      for (let at = 0; at < message.length; at += HEX_COLUMNS)
        lines.push(message.toString("hex", at, Math.min(at + HEX_COLUMNS, message.length)));
    }
  }
  return `${lines.join("\n")}\n`;
}

/** @throws Error naming the line that is none of these */
export function parseCapture(name: string, text: string): Capture {
  const about: string[] = [];
  const chunks: { side: "client" | "server"; hex: string }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const last = chunks.at(-1);
    if (line === ">>>" || line === "<<<") chunks.push({ side: line === ">>>" ? "client" : "server", hex: "" });
    else if (line.startsWith("#")) {
      if (last === undefined) about.push(line.slice(2));
    } else if (last !== undefined && /^([0-9a-f]{2})+$/.test(line)) last.hex += line;
    else if (line !== "") throw new Error(`${name}:${index + 1} is no line of a capture`);
  }
  return { name, about, chunks: chunks.map(({ side, hex }) => ({ side, bytes: Buffer.from(hex, "hex") })) };
}

export function readCaptures(): readonly Capture[] {
  return readdirSync(CAPTURES)
    .filter((file) => file.endsWith(".txt"))
    .toSorted()
    .map((file) => parseCapture(basename(file, ".txt"), readFileSync(join(CAPTURES, file), "utf8")));
}

function messagesOf(bytes: Buffer): readonly Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.length - at < 5 ? 0 : bytes.readUInt32BE(at + 1) + 1;
    const end = length < 5 || at + length > bytes.length ? bytes.length : at + length;
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return messages;
}

function printable(line: string): string {
  return line.replace(/[^\x20-\x7e]/g, "?");
}
