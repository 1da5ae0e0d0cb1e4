/** What a server's bytes say of each result, as it stands on the wire: for a comparison cell by cell. */

export interface Column {
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  /** 0 text, 1 binary. */
  readonly format: number;
}

export interface Outcome {
  readonly columns: readonly Column[];
  /** Hex digits; null for NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** CommandComplete, or the SQLSTATE of an error. */
  readonly end: string;
  /** CopyData, in hex digits. */
  readonly copied: string;
}

export function outcomesIn(bytes: Buffer): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  let [columns, rows, copied]: [Column[], (string | null)[][], string] = [[], [], ""];
  const close = (end: string) => {
    outcomes.push({ columns, rows, end, copied });
    [columns, rows, copied] = [[], [], ""];
  };
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    const tag = String.fromCharCode(bytes[at] ?? 0);
    const body = bytes.subarray(at + 5, at + 1 + bytes.readUInt32BE(at + 1));
    if (tag === "T") columns = columnsOf(body);
    if (tag === "D") rows.push(cellsOf(body));
    if (tag === "d") copied += body.toString("hex");
    if (tag === "C") close(body.toString("utf8", 0, body.length - 1));
    if (tag === "E") close(`error ${/\0C([0-9A-Z]{5})\0/.exec(body.toString("latin1"))?.[1]}`);
  }
  return outcomes;
}

/** Without the cells of columns that show masked values. */
export function bared(outcome: Outcome, masked: readonly string[]): Outcome {
  const shown = outcome.columns.map(({ name }) => !masked.includes(name));
  return { ...outcome, rows: outcome.rows.map((row) => row.filter((_, index) => shown[index] !== false)) };
}

function columnsOf(body: Buffer): Column[] {
  const columns: Column[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    const end = body.indexOf(0, at);
    const name = body.toString("utf8", at, end);
    // After the name: table (4), attribute (2), type (4), size (2), modifier (4), format (2).
    columns.push({
      name,
      type: body.readUInt32BE(end + 7),
      modifier: body.readInt32BE(end + 13),
      format: body.readUInt16BE(end + 17),
    });
    at = end + 19;
  }
  return columns;
}

function cellsOf(body: Buffer): (string | null)[] {
  const row: (string | null)[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? null : body.toString("hex", at, at + length));
    at += Math.max(length, 0);
  }
  return row;
}
