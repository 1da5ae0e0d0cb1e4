/**
 * Reads ALTER TABLE, CREATE INDEX and DROP INDEX: plain columns and indexes that come, go or change, and new names. What could
 * move rows elsewhere or order them anew (ENGINE, TABLESPACE, PARTITION, EXCHANGE, ORDER BY), or reach another table (REFERENCES),
 * is not known here, and so refused.
 *
 * Source: MySQL manual, "ALTER TABLE Statement", "CREATE INDEX Statement"; MariaDB documentation of the same.
 */
import { readDefault, readDefinition, readElement, readIndex, unknownPart } from "./read-creation.ts";
import type { Reader, Span } from "./reading.ts";

interface Written {
  readonly parts: readonly string[];
  readonly span: Span;
}

export interface AlterationReading {
  readonly table: Written;
  /** The table's new name; null where it keeps its own. */
  readonly renamed: Written | null;
}

/** Whether a statement is one of these. @param reader at its first word */
export function isAlteration(reader: Reader): boolean {
  const second = reader.word(1) === "unique" ? reader.word(2) : reader.word(1);
  return (reader.word() === "alter" && second === "table") || (/^(create|drop)$/.test(reader.word()) && second === "index");
}

/** @throws Refused */
export function readAlteration(reader: Reader): AlterationReading {
  const found = reader.word() === "alter" ? readAlter(reader) : readIndexStatement(reader);
  if (reader.token !== undefined) throw unknownPart(reader);
  return found;
}

function readAlter(reader: Reader): AlterationReading {
  reader.expectWord("alter");
  reader.expectWord("table");
  const table = readName(reader);
  let renamed: Written | null = null;
  do {
    const name = readAction(reader);
    if (name !== null && renamed !== null) throw unknownPart(reader);
    renamed ??= name;
  } while (reader.acceptSymbol(","));
  return { table, renamed };
}

/** `CREATE [UNIQUE] INDEX i ON t (a)`, `DROP INDEX i ON t` */
function readIndexStatement(reader: Reader): AlterationReading {
  const creates = reader.acceptWord("create");
  if (creates) reader.acceptWord("unique");
  else reader.expectWord("drop");
  reader.expectWord("index");
  acceptIfExists(reader);
  readIndexName(reader);
  if (creates && reader.acceptWord("using")) reader.name();
  reader.expectWord("on");
  const table = readName(reader);
  if (creates) readIndex(reader);
  return { table, renamed: null };
}

function readName(reader: Reader): Written {
  const start = reader.at;
  const parts = [reader.name()];
  if (reader.acceptSymbol(".")) parts.push(reader.name(true));
  return { parts, span: { start, end: reader.at } };
}

/** MariaDB's IF EXISTS and IF NOT EXISTS. */
function acceptIfExists(reader: Reader): void {
  if (!reader.acceptWord("if", "not", "exists")) reader.acceptWord("if", "exists");
}

function readIndexName(reader: Reader): void {
  if (!reader.acceptWord("primary")) reader.name();
}

/** @returns the table's new name where it gets one */
function readAction(reader: Reader): Written | null {
  const word = reader.word();
  if (!/^(add|drop|modify|change|alter|rename|auto_increment)$/.test(word)) throw unknownPart(reader);
  reader.at++;
  switch (word) {
    case "add":
      readAddition(reader);
      return null;
    case "drop":
      readRemoval(reader);
      return null;
    case "rename":
      return readRenaming(reader);
    case "alter":
      readColumnName(reader);
      if (reader.acceptWord("set", "default")) readDefault(reader);
      else if (!reader.acceptWord("drop", "default")) throw unknownPart(reader);
      return null;
    case "auto_increment":
      reader.acceptSymbol("=");
      if (reader.token?.kind !== "number") throw unknownPart(reader);
      reader.at++;
      return null;
    default:
      readColumnName(reader);
      if (word === "change") reader.name();
      readDefinition(reader);
      readPosition(reader);
      return null;
  }
}

function readColumnName(reader: Reader): void {
  reader.acceptWord("column");
  acceptIfExists(reader);
  reader.name();
}

function readPosition(reader: Reader): void {
  if (!reader.acceptWord("first") && reader.acceptWord("after")) reader.name();
}

function readAddition(reader: Reader): void {
  if (/^(constraint|check|primary|unique|key|index)$/.test(reader.word())) {
    readElement(reader);
    return;
  }
  reader.acceptWord("column");
  acceptIfExists(reader);
  if (!reader.isName()) throw unknownPart(reader);
  reader.name();
  readDefinition(reader);
  readPosition(reader);
}

function readRemoval(reader: Reader): void {
  if (reader.acceptWord("primary", "key")) return;
  if (reader.acceptWord("index") || reader.acceptWord("key") || reader.acceptWord("constraint") || reader.acceptWord("check")) {
    acceptIfExists(reader);
    readIndexName(reader);
  } else readColumnName(reader);
}

function readRenaming(reader: Reader): Written | null {
  if (reader.acceptWord("column") || reader.acceptWord("index") || reader.acceptWord("key")) {
    reader.name();
    reader.expectWord("to");
    reader.name();
    return null;
  }
  if (!reader.acceptWord("to")) reader.acceptWord("as");
  return readName(reader);
}
