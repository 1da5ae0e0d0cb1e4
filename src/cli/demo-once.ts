/**
 * `sallyport demo --once`: one masked query as both agents beside what the database holds, one refused statement, the
 * replay of the session and its verification. Whatever does not hold is said and makes the command fail.
 */
import { setTimeout as pause } from "node:timers/promises";
import { listSessions } from "#src/audit/lists.ts";
import { listRecordings } from "#src/audit/recording-files.ts";
import { type Answer, type Outcome, runAs } from "#src/demo/client.ts";
import type { Agent } from "#src/demo/issuer.ts";
import type { Stage } from "#src/demo/stage.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { durationText } from "./moments.ts";
import { replay } from "./replay.ts";
import type { Screen } from "./screen.ts";
import { type Cell, tableLines } from "./table.ts";
import { MASK_MARK } from "./timeline.ts";
import { verify } from "./verify.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

const QUERY = [
  "select u.name, u.email, u.ssn, p.card, p.amount",
  "  from payments p join orders o on o.id = p.order_id join users u on u.id = o.user_id",
  " order by p.id limit 2",
].join("\n");
const REFUSED = "update users set city = 'Oslo' where id = 1";

const SEALED_MS = 15_000;
const SEALED_POLL_MS = 50;

/** @throws Failure `demo-failed`, naming everything that did not hold */
export async function demoOnce(world: World, screen: Screen, stage: Stage, startedMs: number): Promise<ExitCode> {
  const { bold, dim, green, red } = screen.paint;
  const wrong: string[] = [];
  const ready = world.now();
  await screen.line(`${bold("Ready")} in ${durationText(ready - startedMs)}: PostgreSQL, issuer and gateway, TLS on both legs.`);
  await screen.line();
  const seen = await askEverybody(stage);
  await screen.line(bold("One query, asked of the database itself and by two agents through the gateway"));
  for (const line of QUERY.split("\n")) await screen.line(`  ${line}`);
  await screen.line();
  for (const line of besideLines(seen, screen)) await screen.line(line);
  await screen.line();
  wrong.push(...maskingProblems(seen));
  await screen.line(bold("A statement that report-agent may not run"));
  await screen.line(`  ${REFUSED}`);
  await screen.line();
  if (seen.refused.kind === "refused") {
    const { sqlState, message, detail, hint } = seen.refused.refusal;
    for (const [label, text] of [
      ["ERROR:", `${sqlState}: ${message}`],
      ["DETAIL:", detail],
      ["HINT:", hint],
    ] as const) {
      if (text !== "") await screen.line(`  ${red(label)}  ${visible(text)}`);
    }
  } else wrong.push("the update was not refused");
  await screen.line();
  const audit = { config: stage.path("config"), identity: [stage.path("identity")] };
  const id = await sealedSession(stage, stage.agents.report);
  await screen.line(`${bold("What is on record")}  ${dim(`sallyport replay ${id}`)}`);
  await screen.line();
  await replay(world, screen, { ...audit, id, speed: 0, rows: 20, sent: false });
  await screen.line();
  await screen.line(`${bold("Is it as it was written?")}  ${dim("sallyport verify")}`);
  await screen.line();
  if ((await verify(world, screen, { ...audit, id: undefined })) !== 0) wrong.push("verification found tampering");
  await screen.line();
  if (wrong.length > 0) throw new Failure("demo-failed", wrong.join("; "));
  await screen.line(`${green("✓")} masked, refused, recorded and verified in ${durationText(world.now() - startedMs)}`);
  return 0;
}

interface Seen {
  readonly database: Answer;
  readonly support: Answer;
  readonly report: Answer;
  readonly refused: Outcome;
}

async function askEverybody(stage: Stage): Promise<Seen> {
  const direct = { port: stage.database.port, user: stage.database.superuser.name, password: stage.database.superuser.password };
  const [database] = await runAs({ ...direct, database: stage.shop.name, ca: stage.ca }, [QUERY]);
  const asAgent = (agent: Agent, statements: readonly string[]): Promise<Outcome[]> =>
    runAs({ port: stage.gateway.port, user: agent.name, password: agent.secret, database: "shop", ca: stage.ca }, statements);
  const [support] = await asAgent(stage.agents.support, [QUERY]);
  const [report, refused] = await asAgent(stage.agents.report, [QUERY, REFUSED]);
  if (refused === undefined) throw new Failure("demo-failed", "the session ended before its last statement was answered");
  return {
    database: answered(database, "the database"),
    support: answered(support, "support-agent"),
    report: answered(report, "report-agent"),
    refused,
  };
}

function answered(outcome: Outcome | undefined, who: string): Answer {
  if (outcome?.kind === "answer") return outcome.answer;
  const refusal = outcome?.refusal;
  throw new Failure("demo-failed", `the query was refused for ${who}: ${refusal?.message ?? ""}`, {
    hint: `${refusal?.detail ?? ""}\n${refusal?.hint ?? ""}`.trim(),
  });
}

/** One line a value: what the database holds, and what each agent was given. */
function besideLines(seen: Seen, screen: Screen): string[] {
  const columns = ["", "in the database", "support-agent sees", "report-agent sees"].map((title) => ({ title }));
  const rows: Cell[][] = [];
  for (const [index, row] of seen.database.rows.entries()) {
    if (index > 0) rows.push([]);
    for (const [number, name] of seen.database.columns.entries()) {
      const held = row[number] ?? null;
      rows.push([
        { text: visible(name), paint: screen.paint.dim },
        { text: shown(held) },
        given(held, seen.support.rows[index]?.[number] ?? null, screen),
        given(held, seen.report.rows[index]?.[number] ?? null, screen),
      ]);
    }
  }
  return tableLines(columns, rows, screen.paint.dim).map((line) => `  ${line}`);
}

function given(held: string | null, value: string | null, { paint }: Screen): Cell {
  return held === value ? { text: shown(value) } : { text: `${MASK_MARK} ${shown(value)}`, paint: paint.yellow };
}

function shown(value: string | null): string {
  return value === null ? "NULL" : visible(value);
}

/** What each agent must and must not see; every breach in words, without the value. */
export function maskingProblems({ database, support, report }: Omit<Seen, "refused">): string[] {
  const problems: string[] = [];
  const hidden = { "support-agent": ["ssn", "card"], "report-agent": ["ssn", "card", "email"] };
  for (const [agent, answer] of [
    ["support-agent", support],
    ["report-agent", report],
  ] as const) {
    if (answer.rows.length !== database.rows.length)
      problems.push(`${agent} got ${answer.rows.length} rows instead of ${database.rows.length}`);
    const received = JSON.stringify(answer);
    for (const [index, row] of database.rows.entries()) {
      for (const [number, column] of database.columns.entries()) {
        const held = row[number] ?? null;
        if (!hidden[agent].includes(column)) {
          if (answer.rows[index]?.[number] !== held) problems.push(`${agent} got another ${column} than the database holds`);
        } else if (held !== null && received.includes(held)) problems.push(`${agent} got ${column} in clear`);
      }
    }
  }
  return [...new Set(problems)];
}

/** The id of the agent's session, once its recording is sealed. */
async function sealedSession(stage: Stage, agent: Agent): Promise<string> {
  for (let waited = 0; waited < SEALED_MS; waited += SEALED_POLL_MS) {
    const { bySession } = await listRecordings(stage.path("recordings"));
    for await (const session of listSessions({ evidence: stage.path("evidence"), open: undefined, filter: { principal: agent.name } })) {
      if (session.status !== "open" && bySession.has(session.id)) return session.id;
    }
    await pause(SEALED_POLL_MS);
  }
  throw new Failure("demo-failed", `the recording of ${agent.name}'s session was not sealed within ${durationText(SEALED_MS)}`);
}
