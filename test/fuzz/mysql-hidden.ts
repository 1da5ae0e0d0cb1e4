/**
 * A fuzzer of where MySQL texts are cut: quotes, comments, backslashes, signs and bytes are put together around a statement that
 * writes. What a reader may run, by the gateway's own judgement, is run on a real server, in the pieces that would go there; a row that
 * is written by it was hidden from the judgement.
 */
import assert from "node:assert/strict";
import { policyDocumentSchema } from "#policies/document.ts";
import type { Settings } from "#protocols/mysql/settings.ts";
import { bytesOf } from "#protocols/sql/mysql/cuts.ts";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { decodeText } from "#protocols/wire/cursor.ts";
import { MysqlJudgements } from "#src/sessions/mysql-judge.ts";
import { MysqlAttacker } from "#test/masking/mysql/client.ts";
import type { TestMysql } from "#test/support/mysql.ts";
import { Chance } from "./gate-chance.ts";

const DOCUMENT = policyDocumentSchema.parse({ access: { rules: [{ who: { groups: ["agents"] }, targets: ["shop"], may: ["read"] }] } });
const MODES = ["", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "IGNORE_SPACE,PIPES_AS_CONCAT,ANSI_QUOTES"];
const CHARSETS = ["utf8mb4", "utf8mb4", "utf8mb3", "latin1", "cp1251", "binary"];
const WRITE = "INSERT INTO app.hits VALUES (1)";

const BEFORE = ["", "", "@", "@@", "N", "n", "_utf8mb4", "_gbk", "x", "b", "0x", ".", "t.", "1 AS ", "1 ", "-", "$", "$$", "$a$"];
const QUOTES = ["'", '"', "`"];
const INSIDE = [
  "\\",
  "\\\\",
  "'",
  '"',
  "`",
  "''",
  '""',
  "``",
  "a",
  " ",
  ";",
  "*/",
  "/*",
  "--",
  "#",
  "\n",
  "\\'",
  '\\"',
  "@",
  "\u00e9",
  "$$",
];
const COMMENTS = [
  "/*",
  "/**",
  "/*!",
  "/*!50000",
  "/*!50000 ",
  "/*!99999",
  "/*!80000 ",
  "/*!100100 ",
  "/*!0801001",
  "/*M!",
  "/*M!100100 ",
  "-- ",
  "--",
  "#",
  "*/",
  "**/",
];
const GAPS = ["", " ", "\n", "\t", ",", ", 1", " + 1", "-", "--", "\\N", "!", "=!", "1e", "1.e", "1.5e-", ".5", "{", "\u00a0"];
const BYTES = [0xa0, 0x85, 0xc2, 0xe2, 0xf0, 0xff, 0x81, 0x5c];

export interface HiddenTexts {
  /** @returns the text by which a reader has written; empty where none has */
  try(): Promise<readonly string[]>;
  /** Of the texts tried, those that the reader may run. */
  readonly allowed: number;
  stop(): void;
}

/**
 * @param server with a table `app.hits` of one number, which is empty
 * @param judgedBy what the judgement is told in place of the session's settings; as they are when left out
 */
export async function hiddenTexts(server: TestMysql, seed: number, judgedBy = asTheyAre): Promise<HiddenTexts> {
  await loadGrammar();
  const chance = new Chance(seed);
  const judgements = new MysqlJudgements();
  const principal = { issuer: "https://idp", name: "x", groups: ["agents"], actor: null };
  const scope = {
    document: DOCUMENT,
    principal,
    target: "shop",
    view: null,
    guarded: false,
    sizeOf: null,
    rejudge: null,
    digest: () => "",
  };
  const client = await MysqlAttacker.straight(server, "app");
  let allowed = 0;
  return {
    get allowed() {
      return allowed;
    },
    stop: () => client.end(),
    async try() {
      const [mode, charset] = [chance.pick(MODES), chance.pick(CHARSETS)];
      const bytes = textBytes(chance);
      const settings = judgedBy({ database: "app", sqlMode: readSqlMode(mode), charset });
      const judgement = judgements.judge(scope)(decodeText(bytes), settings);
      if (judgement.verdict !== "allow") return [];
      allowed++;
      await client.query("SET NAMES utf8mb4");
      await client.query(`SET sql_mode = '${mode}'`);
      await client.query(`SET NAMES ${charset}`);
      const pieces = judgement.several.length === 0 ? [bytes] : bytesOf(bytes, judgement.several);
      for (const piece of pieces) if ((await client.query(piece)).error !== null) break;
      await client.query("SET sql_mode = ''");
      const { rows } = await client.query("SELECT COUNT(*) FROM hits");
      if (rows[0]?.[0] === "0") return [];
      assert.equal((await client.query("DELETE FROM hits")).error, null);
      return [`${charset} '${mode}' ${JSON.stringify(bytes.toString("latin1"))}`];
    },
  };
}

function asTheyAre(settings: Settings): Settings {
  return settings;
}

/** A write behind something that may have closed or not, and an end that may close it. */
function textBytes(chance: Chance): Buffer {
  const bytes = Buffer.from(chance.oneIn(3) ? anyText(chance) : closedText(chance));
  if (!chance.oneIn(5)) return bytes;
  const at = chance.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([chance.pick(BYTES)]), bytes.subarray(at)]);
}

/** One thing that is open to one reader and closed to another. */
function closedText(chance: Chance): string {
  const comment = chance.oneIn(3);
  const [open, close] = comment ? [chance.pick(COMMENTS), chance.pick(["*/", "\n"])] : [chance.pick(QUOTES), ""];
  const body = Array.from({ length: 1 + chance.below(2) }, () => chance.pick(INSIDE)).join("");
  const item = comment ? `1 ${open}${body}${close}` : `${chance.pick(BEFORE)}${open}${body}${open}`;
  const end = comment ? chance.pick(["*/", "\n", " -- */", "/* */"]) : chance.pick([` -- ${open}`, ` # ${open}`, `, ${open}`, open]);
  return `SELECT ${item}${chance.pick([";", "; ", ", 1;", " ;"])}${WRITE}${chance.pick(["", ";", "; SELECT 1 "])}${end}`;
}

function anyText(chance: Chance): string {
  const parts = ["SELECT "];
  const some = (most: number, of: () => string): void => {
    for (let count = chance.below(most + 1); count > 0; count--) parts.push(of());
  };
  if (!chance.oneIn(3)) parts.push("1 AS ");
  some(2, () => pieceOf(chance));
  if (!chance.oneIn(4)) parts.push(chance.pick(["; ", ";", "; /*!50000 ", " ;\n"]), WRITE, chance.pick(["", ";", "; SELECT 1 ", " */"]));
  parts.push(chance.pick([" -- ", " # ", "/* ", " ", "\n-- "]));
  some(3, () => chance.pick([...QUOTES, "*/", "\n", "a", ...COMMENTS]));
  return parts.join("");
}

function pieceOf(chance: Chance): string {
  const kind = chance.below(4);
  if (kind === 0) return chance.pick(GAPS);
  if (kind === 1) return chance.pick(COMMENTS) + inside(chance) + chance.pick(["*/", "\n", "", "*/ "]);
  const quote = chance.pick(QUOTES);
  return chance.pick(BEFORE) + quote + inside(chance) + quote;
}

function inside(chance: Chance): string {
  return Array.from({ length: chance.below(4) }, () => chance.pick(INSIDE)).join("");
}
