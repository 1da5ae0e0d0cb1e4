/**
 * `sallyport discover`: samples a target's columns and proposes masking rules for what looks as if it needed them, as a diff
 * of the configuration. Writes no file; people read the diff, and apply it or not. Values are looked at and never shown.
 */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { masksFor } from "#policies/decide.ts";
import { resolveMysqlProtection } from "#protocols/mysql/protocol.ts";
import { resolveProtection } from "#protocols/postgres/protocol.ts";
import type { Config, DatabaseTarget } from "#src/config/config.ts";
import { withRules } from "#src/discover/edit.ts";
import { mysqlDialect } from "#src/discover/mysql/dialect.ts";
import { mysqlTables } from "#src/discover/mysql/tables.ts";
import { postgresDialect } from "#src/discover/postgres/dialect.ts";
import { postgresTables } from "#src/discover/postgres/tables.ts";
import { canBeNamed, type Finding, findingsOf, isProposed, type Proposal, proposalsOf } from "#src/discover/proposal.ts";
import { blockLines, nameOf, reason } from "#src/discover/rule-text.ts";
import { type SampleOptions, type Seen, sample, type Unread } from "#src/discover/sample.ts";
import { unifiedDiff } from "#src/discover/unified-diff.ts";
import type { ExitCode } from "./failure.ts";
import { needMysqlCatalogue, withMysqlTarget } from "./mysql-target.ts";
import { NOBODY } from "./principals.ts";
import type { Screen } from "./screen.ts";
import { needCatalogue, needConfig, needDatabase, needDatabaseTarget, type TargetOptions, withTarget } from "./target.ts";
import { visible } from "./visible.ts";
import type { World } from "./world.ts";

export interface DiscoverOptions extends TargetOptions {
  readonly sample: number;
  readonly schema?: string;
  readonly yaml?: true;
}

/** Names of one kind in a remark; the rest is counted. */
const LISTED_MAX = 20;

/** @throws Failure as `withTarget` */
export async function discover(world: World, screen: Screen, options: DiscoverOptions): Promise<ExitCode> {
  const config = await needConfig(world, screen, options.config);
  const target = needDatabaseTarget(config, options.target);
  const database = needDatabase(target, options.database);
  const seen = await screen.during("sampling", (say) => {
    const asked = { config, target, database, options };
    const onTable = (table: string, number: number, of: number): void => say(`sampling ${table}, ${number} of ${of}`);
    const sampling = { rows: options.sample, onTable };
    return target.protocol === "mysql" ? ofMysql(world, asked, sampling) : ofPostgres(world, asked, sampling);
  });
  // A MySQL server has no databases within which there would be schemas: its schemas are its databases.
  const databaseOf = (schema: string): string => (target.protocol === "mysql" ? schema : database);
  const findings = findingsOf(seen.columns);
  for (const finding of findings) await screen.object(findingObject(finding, databaseOf(finding.schema)));
  for (const unread of seen.unread) await screen.object(unreadObject(unread, databaseOf(unread.table.schema)));
  const proposals = proposalsOf(findings, new Set(config.policy.masking.rules.map(({ name }) => name)));
  tell(screen, seen, findings, options.sample);
  await show(world, screen, { file: config.file, given: options.config, proposals, target: target.name, yaml: options.yaml === true });
  return 0;
}

interface Asked {
  readonly config: Config;
  readonly target: DatabaseTarget;
  readonly database: string;
  readonly options: DiscoverOptions;
}

function ofPostgres(world: World, { config, target, database, options }: Asked, sampling: SampleOptions): Promise<Seen> {
  return withTarget(world, { config, target, database }, async (open) => {
    const catalogue = await needCatalogue(open);
    const resolved = resolveProtection(catalogue, masksFor(config.policy, NOBODY, target.name));
    const dialect = postgresDialect((sql) => open.connection.query(sql));
    return sample(dialect, postgresTables(catalogue, resolved, options.schema ?? null), sampling);
  });
}

/** All databases, since a session reaches all that the login does, whichever the target lists. */
function ofMysql(world: World, { config, target, options }: Asked, sampling: SampleOptions): Promise<Seen> {
  return withMysqlTarget(world, target, async (connection) => {
    const catalogue = await needMysqlCatalogue(connection, target);
    const resolved = resolveMysqlProtection(catalogue, masksFor(config.policy, NOBODY, target.name));
    const dialect = mysqlDialect((sql) => connection.query(sql), catalogue.server.flavour);
    return sample(dialect, mysqlTables(catalogue, resolved, options.schema ?? options.database ?? null), sampling);
  });
}

/** One line of `--json`. */
function findingObject(finding: Finding, database: string): object {
  const { schema, table, column, kind, what, confidence, matched, sampled, named, shape, mask, coveredBy } = finding;
  return { database, schema, table, column, kind, what, confidence, matched, sampled, named, shape, proposedMask: mask, coveredBy };
}

/** The same keys; nobody should take a table that was not looked at for one that holds nothing. */
function unreadObject({ table: { schema, name }, why }: Unread, database: string): object {
  const nothing = { confidence: null, matched: null, sampled: null, named: null, shape: null, proposedMask: null, coveredBy: null };
  return { database, schema, table: name, column: null, kind: "not-looked-at", what: why, ...nothing };
}

/** On stderr, so that a diff can be piped: what was looked at, and what comes of it without a rule. */
function tell(screen: Screen, seen: Seen, findings: readonly Finding[], rows: number): void {
  const tables = new Set(seen.columns.map(({ table }) => table)).size;
  screen.note(`${seen.columns.length} columns of ${tables} tables looked at, at most ${rows} rows of each`);
  const list = (title: string, lines: readonly string[]): void => {
    if (lines.length === 0) return;
    screen.note(`${title}:`);
    for (const line of lines.slice(0, LISTED_MAX)) screen.note(`  ${visible(line)}`);
    if (lines.length > LISTED_MAX) screen.note(`  and ${lines.length - LISTED_MAX} more`);
  };
  const line = (finding: Finding): string => `${nameOf(finding)}: ${reason(finding)}`;
  const bare = findings.filter((finding) => finding.coveredBy === null && !isProposed(finding));
  list(
    "covered already",
    findings.flatMap((finding) => (finding.coveredBy === null ? [] : [`${line(finding)}; rule ${finding.coveredBy}`])),
  );
  list("not proposed, by the name alone", bare.filter(canBeNamed).map(line));
  list("not proposed, as a rule can't name it; a tag can", bare.filter((finding) => !canBeNamed(finding)).map(line));
  list(
    "not looked at",
    seen.unread.map(({ table, why }) => `${table.schema}.${table.name}: ${why}`),
  );
}

interface Shown {
  /** Absolute path of the configuration, and as it was given. */
  readonly file: string;
  readonly given: string;
  readonly proposals: readonly Proposal[];
  readonly target: string;
  readonly yaml: boolean;
}

async function show(world: World, screen: Screen, { file, given, proposals, target, yaml }: Shown): Promise<void> {
  if (proposals.length === 0) {
    screen.note("nothing to propose");
    return;
  }
  const columns = proposals.flatMap(({ findings }) => findings).length;
  screen.note(
    `${columns} ${columns === 1 ? "column" : "columns"} in ${proposals.length} ${proposals.length === 1 ? "rule" : "rules"}: read it before you apply it`,
  );
  const text = readFileSync(file, "utf8");
  const edited = yaml ? undefined : withRules(text, proposals, target);
  if (edited === undefined) {
    if (!yaml) screen.note(`${given} has no plain list of masking rules to add to; the rules alone follow`);
    for (const line of blockLines(proposals, target)) await screen.line(line);
    return;
  }
  for (const line of unifiedDiff(pathFrom(world.cwd, file), text, edited)) await screen.line(line);
}

/** As `patch -p0` takes it, which goes by relative paths and never up. */
function pathFrom(folder: string, file: string): string {
  const path = relative(folder, file);
  return path.startsWith(`..${sep}`) ? file : path.split(sep).join("/");
}
