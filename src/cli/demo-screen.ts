/** The demo's first screen: what runs, a line to paste, what to try and what to expect, how to look at the record. */
import type { Agent } from "#src/demo/issuer.ts";
import type { Stage } from "#src/demo/stage.ts";
import { quoted, SELF } from "./quoted.ts";
import type { Screen } from "./screen.ts";

const TRIES: readonly (readonly [statement: string, expect: string])[] = [
  ["select id, name, email, ssn from users limit 3;", "e-mail and ssn come masked, from the database itself"],
  ["select count(*) from users where ssn like '9%';", "0: conditions see masked values too, so they leak nothing"],
  ["select left(card, 6), count(*) from payments group by 1;", "so do expressions and groups"],
  ["update users set city = 'Oslo' where id = 1;", "refused: this agent may only read"],
  ["\\d users", "looking around works as ever"],
  ["select city, sum(total) from orders o join users u on u.id = user_id group by 1;", "and so does what needs no mask"],
];

export async function showDemo(screen: Screen, stage: Stage): Promise<void> {
  const { bold, dim, cyan, green } = screen.paint;
  const { support, report } = stage.agents;
  const path = (file: Parameters<Stage["path"]>[0]): string => quoted(stage.path(file));
  const token = await stage.issuer.tokenFor(report, stage.ca);
  const lines = [
    "",
    `${green("●")} ${bold("Sallyport is running")}: agents reach the shop's database through it, and only what policy allows.`,
    "",
    `    agent ──TLS──▶ gateway ${bold(`localhost:${stage.gateway.port}`)} ──TLS──▶ PostgreSQL localhost:${stage.database.port}`,
    `                   identity, access, masking, recording       ${dim(`issuer ${stage.issuer.url}`)}`,
    "",
    bold("Connect") + dim("  as report-agent, who may not see e-mail addresses; paste it into another terminal"),
    "",
    psqlLine(stage, report),
    "",
    dim("as support-agent, who may:"),
    "",
    psqlLine(stage, support),
    "",
    ...mysqlLines(screen, stage),
    bold("Try"),
    ...TRIES.flatMap(([statement, expect]) => [`  ${cyan(statement)}`, dim(`      ${expect}`)]),
    "",
    bold("Look at the record") + dim("  from the same folder as this command, while the demo runs"),
    `  ${SELF} sessions --config ${path("config")}`,
    `  ${SELF} replay ID --config ${path("config")} --identity ${path("identity")}`,
    `  ${SELF} handshakes --config ${path("config")}`,
    dim("  is it still as it was written? An auditor needs no configuration:"),
    `  ${SELF} verify --recordings ${path("recordings")} --evidence ${path("evidence")} --public-key ${path("evidencePublicKey")}`,
    "",
    bold("A token") + dim("  works as password too, for one hour (report-agent):"),
    token.expose(),
    "",
    `${bold("Ctrl-C")} ends everything and removes ${stage.folder}`,
    "",
  ];
  for (const line of lines) await screen.line(line);
}

/** The second target where the machine has a server for it, else why there is none. */
function mysqlLines({ paint: { bold, dim } }: Screen, stage: Stage): readonly string[] {
  const { mysql } = stage;
  if ("absent" in mysql) return mysql.absent === "" ? [] : [dim(`Without a target of MySQL or MariaDB: ${mysql.absent}`), ""];
  const name = mysql.programs.make === "mysql" ? "MySQL" : "MariaDB";
  return [
    bold(name) + dim(`  ${mysql.programs.version} of this machine, the same users and payments under the same policy`),
    "",
    mysqlLine(stage, stage.agents.report),
    "",
  ];
}

/** For the client that comes with the server that was found. */
export function mysqlLine({ gateway, mysql, path }: Stage, { name, secret }: Agent): string {
  const trust = "absent" in mysql || mysql.programs.make === "mysql" ? "--ssl-mode=VERIFY_IDENTITY" : "--ssl-verify-server-cert";
  const client = "absent" in mysql || mysql.programs.make === "mysql" ? "mysql" : "mariadb";
  const where = `--host=localhost --port=${gateway.mysqlPort} --protocol=TCP --user=${name} ${trust} --ssl-ca=${quoted(path("ca"))} store`;
  return `MYSQL_PWD=${secret.expose()} ${client} ${where}`;
}

/** One line, whatever the terminal's width, so that it can be pasted. */
export function psqlLine(stage: Stage, agent: Agent): string {
  const connection = `host=localhost port=${stage.gateway.port} dbname=shop user=${agent.name} sslmode=verify-full sslrootcert=${stage.path("ca")}`;
  return `PGPASSWORD=${agent.secret.expose()} psql "${connection}"`;
}
