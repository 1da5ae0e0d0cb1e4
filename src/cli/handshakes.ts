/** `sallyport handshakes`: every TLS handshake of both legs, refused ones too, and how many there were of each kind. */
import { listHandshakes } from "#src/audit/lists.ts";
import type { HandshakeRecord } from "#src/audit/records.ts";
import type { ExitCode } from "./failure.ts";
import { momentText } from "./moments.ts";
import type { Colors, Screen } from "./screen.ts";
import { type AuditOptions, findSources, needFolder, readFilter } from "./sources.ts";
import { type Cell, type Column, tableLines } from "./table.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

const COLUMNS: readonly Column[] = [
  { title: "at" },
  { title: "leg" },
  { title: "remote", widthMax: 40 },
  { title: "outcome" },
  { title: "tls" },
  { title: "cipher", widthMax: 32 },
  { title: "group", widthMax: 20 },
  { title: "verified", widthMax: 24 },
  { title: "reason", widthMax: 32 },
];

/** Rows that one table holds in memory; longer lists are printed in several, each with its own widths. */
const TABLE_ROWS = 500;

export async function handshakes(world: World, screen: Screen, options: AuditOptions): Promise<ExitCode> {
  const sources = findSources(world, options);
  const filter = readFilter(world, options);
  const evidence = needFolder(sources.evidence, "--evidence");
  const counts = new Map<string, number>();
  let rows: Cell[][] = [];
  const print = async (): Promise<void> => {
    for (const line of rows.length === 0 ? [] : tableLines(COLUMNS, rows, screen.paint.dim)) await screen.line(line);
    rows = [];
  };
  for await (const handshake of listHandshakes({ evidence, filter })) {
    await screen.object(handshake);
    if (screen.json) continue;
    count(counts, handshake);
    rows.push(cells(handshake, screen.paint));
    if (rows.length === TABLE_ROWS) await print();
  }
  await print();
  if (counts.size === 0) screen.note("no handshakes");
  else await screen.line();
  for (const [kind, number] of [...counts].sort(([left], [right]) => left.localeCompare(right))) {
    await screen.line(`${String(number).padStart(8)}  ${kind}`);
  }
  return 0;
}

function count(counts: Map<string, number>, handshake: HandshakeRecord): void {
  const kind = `${handshake.leg}  ${handshake.outcome}  ${handshake.outcome === "ok" ? visible(handshake.tls?.version ?? "") : visible(handshake.reason ?? "")}`;
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

function cells(handshake: HandshakeRecord, paint: Colors): Cell[] {
  const { tls } = handshake;
  const refused = handshake.outcome === "refused";
  return [
    { text: momentText(handshake.at) },
    { text: visible(handshake.leg) },
    { text: visible(handshake.remote) },
    { text: handshake.outcome, paint: refused ? paint.red : paint.green },
    { text: visible(tls?.version ?? "") },
    { text: visible(tls?.cipher ?? "") },
    { text: visible(tls?.group ?? "") },
    { text: visible([handshake.verified ?? "", handshake.pinned === true ? "pinned" : ""].filter((part) => part !== "").join(", ")) },
    { text: visible(handshake.reason ?? "") },
  ];
}
