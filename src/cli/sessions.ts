/** `sallyport sessions`: who was connected to what, and how much of it: a table, or one object a session. */
import { listSessions } from "#src/audit/lists.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import type { ExitCode } from "./failure.ts";
import { durationText, momentText } from "./moments.ts";
import type { Screen } from "./screen.ts";
import { type AuditOptions, findSources, needFolder, openSessions, readFilter } from "./sources.ts";
import { type Cell, type Column, tableLines } from "./table.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

const COLUMNS: readonly Column[] = [
  { title: "session" },
  { title: "started" },
  { title: "lasted", align: "right" },
  { title: "principal", widthMax: 32 },
  { title: "target", widthMax: 24 },
  { title: "label", widthMax: 24 },
  { title: "statements", align: "right" },
  { title: "rows", align: "right" },
  { title: "masked", align: "right" },
  { title: "denied", align: "right" },
  { title: "status" },
];

export async function sessions(world: World, screen: Screen, options: AuditOptions): Promise<ExitCode> {
  const sources = findSources(world, options);
  const filter = readFilter(world, options);
  const evidence = needFolder(sources.evidence, "--evidence");
  const rows: Cell[][] = [];
  for await (const session of listSessions({ evidence, open: openSessions(sources), filter })) {
    await screen.object(session);
    if (!screen.json) rows.push(cells(session, world.now(), screen));
  }
  if (rows.length === 0) screen.note("no sessions");
  else for (const line of tableLines(COLUMNS, rows, screen.paint.dim)) await screen.line(line);
  return 0;
}

function cells(session: SessionSummary, nowMs: number, { paint }: Screen): Cell[] {
  const { principal } = session;
  const endMs = session.endedAt === null ? nowMs : Date.parse(session.endedAt);
  const count = (value: number, shade: (text: string) => string): Cell => ({ text: String(value), ...(value > 0 ? { paint: shade } : {}) });
  return [
    { text: visible(session.id) },
    { text: momentText(session.startedAt) },
    { text: durationText(Math.max(0, endMs - Date.parse(session.startedAt))) },
    { text: visible(principal.actor === null ? principal.name : `${principal.name} by ${principal.actor}`), paint: paint.bold },
    { text: visible(session.target) },
    { text: visible(session.label) },
    { text: String(session.statements) },
    { text: String(session.rows) },
    count(session.maskedCells, paint.yellow),
    count(session.denied, paint.red),
    { text: visible(session.status), ...(session.status === "open" ? { paint: paint.green } : {}) },
  ];
}
