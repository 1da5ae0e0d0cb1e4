/**
 * `sallyport explain`: what the gateway would do with a statement, and why. The statement is never run; the target is asked
 * for its catalogue alone.
 */
import { text as readText } from "node:stream/consumers";
import { catalogueTargets, masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument } from "#policies/document.ts";
import { type Principal, RIGHTS } from "#policies/question.ts";
import { loadMysqlGrammar, readSqlMode, resolveMysqlProtection, sizesIn } from "#protocols/mysql/protocol.ts";
import { resolveProtection } from "#protocols/postgres/protocol.ts";
import type { Config, DatabaseTarget } from "#src/config/config.ts";
import { type Explanation, explainText } from "#src/sessions/explain.ts";
import { explainMysqlText } from "#src/sessions/mysql-explain.ts";
import { explanationLines } from "./explanation.ts";
import { type ExitCode, Failure } from "./failure.ts";
import { mysqlCatalogueOf } from "./mysql-target.ts";
import { NOBODY, type PrincipalOptions, principalOf, principalText } from "./principals.ts";
import type { Screen } from "./screen.ts";
import { needCatalogue, needConfig, needDatabase, needDatabaseTarget, type TargetOptions, withTarget } from "./target.ts";
import type { World } from "./world.ts";

export interface ExplainOptions extends TargetOptions, PrincipalOptions {
  /** Exit 1 unless it would run. */
  readonly check?: true;
  /** The text; `-`, or left out: standard input. */
  readonly sql: string | undefined;
}

/** @throws Failure `usage` without a text, and those of `withTarget` */
export async function explain(world: World, screen: Screen, options: ExplainOptions): Promise<ExitCode> {
  const config = await needConfig(world, screen, options.config);
  const target = needDatabaseTarget(config, options.target);
  const database = needDatabase(target, options.database);
  const principal = principalOf(config, options);
  const sql = await needText(world, options.sql);
  const asked = { config, target, database, principal };
  const explanation = target.protocol === "mysql" ? await ofMysql(world, sql, asked) : await ofPostgres(world, sql, asked);
  await screen.object({ target: target.name, database, principal, rightsAssumed: principal === NOBODY, ...explanation });
  const assumed = "anybody, under every mask, every right assumed";
  const whom = principal === NOBODY ? assumed : principalText(config, principal);
  for (const line of explanationLines(sql, explanation, screen)) await screen.line(line);
  await screen.line();
  await screen.line(screen.paint.dim(`for ${whom}, on ${target.name}/${database}`));
  return options.check === true && explanation.verdict === "deny" ? 1 : 0;
}

async function needText(world: World, given: string | undefined): Promise<string> {
  if (given !== undefined && given !== "-") return given;
  if (given === undefined && world.stdin.isTTY === true)
    throw new Failure("usage", "there is no statement", {
      hint: `sallyport explain --target NAME "SELECT …", or - to read standard input`,
    });
  return await readText(world.stdin);
}

interface Asked {
  readonly config: Config;
  readonly target: DatabaseTarget;
  readonly database: string;
  readonly principal: Principal;
}

async function ofPostgres(world: World, sql: string, asked: Asked): Promise<Explanation> {
  const catalogue = await withTarget(world, asked, needCatalogue);
  const { document, masks, ...whom } = scopeOf(asked);
  const { protection } = resolveProtection(catalogue, masks);
  const view = masks.length === 0 ? null : { catalogue, protection, functionsAllowed: allowedFunctions(document) };
  const catalogueKnown = catalogueTargets(document).has(asked.target.name);
  return explainText(sql, { document, ...whom, catalogue, catalogueKnown, view });
}

async function ofMysql(world: World, sql: string, asked: Asked): Promise<Explanation> {
  const [catalogue] = await Promise.all([mysqlCatalogueOf(world, asked.target), loadMysqlGrammar()]);
  const { document, masks, ...whom } = scopeOf(asked);
  const { protection } = resolveMysqlProtection(catalogue, masks);
  const view = masks.length === 0 ? null : { catalogue, protection, functionsAllowed: allowedFunctions(document) };
  const settings = { database: asked.database, sqlMode: readSqlMode(catalogue.sqlMode), charset: "utf8mb4" };
  return explainMysqlText(sql, { document, ...whom, catalogue, view, sizeOf: sizesIn(catalogue), settings });
}

/** As the gateway scopes it, but for a principal whom nobody named: of that one only the masks are asked. */
function scopeOf({ config, principal, target }: Asked) {
  const document = principal === NOBODY ? withEveryRight(config.policy, target.name) : config.policy;
  return { document, principal, target: target.name, masks: masksFor(document, principal, target.name) };
}

function withEveryRight(document: PolicyDocument, target: string): PolicyDocument {
  const rule = { name: "assumed", who: { names: [NOBODY.name] }, targets: [target], may: RIGHTS };
  return { ...document, access: { ...document.access, rules: [rule] } };
}
