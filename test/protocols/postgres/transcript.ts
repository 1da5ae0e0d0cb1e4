/** Messages and events as lines for people: what a test's snapshot shows. Broken bytes are shown as such, never refused. */
import { readBind, readDataRow, readErrorFields, readNamed, readParse, readRowDescription } from "#protocols/postgres/decode.ts";
import type { EventBody } from "#protocols/wire/transcript.ts";

type Reader = (body: Buffer) => string;

const plain = (name: string) => (): string => name;
const words =
  (name: string): Reader =>
  (body) =>
    `${name} ${body.toString("utf8").split("\0").filter(Boolean).join(" ")}`;
const sized =
  (name: string): Reader =>
  (body) =>
    `${name} ${body.length} bytes`;
const named =
  (what: string): Reader =>
  (body) => {
    const { kind, name } = readNamed(body, what);
    return `${what} ${kind} "${name}"`;
  };
const fields =
  (name: string): Reader =>
  (body) =>
    [name, ...[...readErrorFields(body)].filter(([type]) => type !== "V").map(([type, value]) => `${type}=${value}`)].join(" ");
const value = (bytes: Buffer | null): string => (bytes === null ? "NULL" : bytes.toString("utf8"));

const CLIENT: Readonly<Record<string, Reader>> = {
  Q: words("Query"),
  P: (body) => {
    const { name, sql } = readParse(body);
    return `Parse "${name}" ${sql}`;
  },
  B: (body) => {
    const { portal, statement, values } = readBind(body, true);
    return `Bind portal "${portal}" statement "${statement}" (${values.map(value).join(", ")})`;
  },
  E: (body) => `Execute "${body.toString("utf8", 0, body.indexOf(0))}" ${body.readInt32BE(body.length - 4) || "all"}`,
  D: named("Describe"),
  C: named("Close"),
  S: plain("Sync"),
  H: plain("Flush"),
  X: plain("Terminate"),
  F: sized("FunctionCall"),
  d: sized("CopyData"),
  c: plain("CopyDone"),
  f: words("CopyFail"),
};

const SERVER: Readonly<Record<string, Reader>> = {
  "1": plain("ParseComplete"),
  "2": plain("BindComplete"),
  "3": plain("CloseComplete"),
  A: (body) => `NotificationResponse ${body.toString("utf8", 4).split("\0").filter(Boolean).join(" ")}`,
  C: words("CommandComplete"),
  D: (body) => `DataRow ${readDataRow(body).map(value).join(" | ")}`,
  E: fields("ErrorResponse"),
  G: plain("CopyInResponse"),
  H: plain("CopyOutResponse"),
  I: plain("EmptyQueryResponse"),
  N: fields("NoticeResponse"),
  S: words("ParameterStatus"),
  T: (body) =>
    `RowDescription ${readRowDescription(body)
      .map((column) => column.name)
      .join(" | ")}`,
  Z: (body) => `ReadyForQuery ${body.toString("latin1")}`,
  c: plain("CopyDone"),
  d: sized("CopyData"),
  n: plain("NoData"),
  s: plain("PortalSuspended"),
  t: (body) => `ParameterDescription ${body.length / 4 - 0.5}`,
};

/** One line per whole message; a last line for bytes that are none. */
export function describeMessages(side: "client" | "server", bytes: Buffer): string[] {
  const readers = side === "client" ? CLIENT : SERVER;
  const lines: string[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const length = rest.length < 5 ? -1 : rest.readUInt32BE(1);
    if (length < 4 || length + 1 > rest.length) return [...lines, `(${rest.length} bytes)`];
    const tag = rest.toString("latin1", 0, 1);
    lines.push(shortened(described(readers[tag], tag, rest.subarray(5, length + 1))));
    rest = rest.subarray(length + 1);
  }
  return lines;
}

const LINE_CHARACTERS = 160;

function shortened(line: string): string {
  return line.length <= LINE_CHARACTERS ? line : `${line.slice(0, LINE_CHARACTERS)}... (${line.length} characters)`;
}

function described(reader: Reader | undefined, tag: string, body: Buffer): string {
  try {
    return reader?.(body) ?? `unknown ${JSON.stringify(tag)} ${body.length} bytes`;
  } catch {
    return `malformed ${JSON.stringify(tag)} ${body.length} bytes`;
  }
}

/** The fields that say something, in their order; digests and durations are left to tests of their own. */
export function describeEvent(event: EventBody): string {
  const { kind, ...rest } = event;
  const shown = Object.entries(rest)
    .filter(([name, field]) => name !== "durationMs" && field !== null && !(Array.isArray(field) && field.length === 0))
    .map(([name, field]) => `${name}=${typeof field === "string" && !/\n/.test(field) ? field : JSON.stringify(field)}`);
  return [kind, ...shown].join(" ");
}
