/**
 * The compose file and what it runs on. No engine is needed: compose itself reads the file, and the parts that are
 * ours - certificates, configuration, the shop - are run here with a real PostgreSQL, a real MySQL and a real issuer in
 * the place of the images.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import pg from "pg";
import { parse } from "yaml";
import { Secret } from "#protocols/wire/secret.ts";
import { type Issuer, startIssuer } from "#src/demo/issuer.ts";
import { dockerCompose } from "#test/support/fetched.ts";
import { serveFile } from "#test/support/gateway.ts";
import { startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { runSql, startPostgres, type TestPostgres } from "#test/support/postgres.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { ROOT, read } from "#test/support/tree.ts";

interface Service {
  readonly image: string;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

describe("docker-compose.yml", () => {
  const { services }: { services: Record<string, Service> } = parse(read("docker-compose.yml"), { merge: true });

  test("is what compose itself accepts", { skip: optional("compose") }, () => {
    const [program, ...args] = dockerCompose().command("docker-compose");
    const options = ["--project-directory", ROOT, "--profile", "tools", "config", "--quiet"];
    const { status, stderr } = spawnSync(program, [...args, ...options], { encoding: "utf8", env: { PATH: process.env["PATH"] } });
    assert.deepEqual([status, stderr], [0, ""]);
  });

  test("has a gateway, PostgreSQL, MySQL and an OpenID provider", () => {
    for (const name of ["certificates", "gateway", "postgres", "mysql", "idp"]) assert.ok(name in services, name);
  });

  test("every service drops its capabilities, gains no privileges, and has an image with a version", () => {
    for (const [name, { cap_drop, security_opt, privileged, image }] of Object.entries(services)) {
      assert.deepEqual([cap_drop, security_opt, privileged], [["ALL"], ["no-new-privileges:true"], undefined], name);
      assert.match(image, /:(\d+(\.\d+)*|local)$/, name);
    }
    assert.equal(services["gateway"]?.read_only, true);
  });

  test("no secret stands in it: they are files, each mounted for reading only", () => {
    for (const [name, { environment = {}, volumes = [] }] of Object.entries(services)) {
      for (const variable of Object.keys(environment))
        assert.doesNotMatch(variable, /(PASSWORD|SECRET|TOKEN|KEY)$/, `${name}: ${variable}`);
      if (name === "certificates") continue;
      for (const volume of volumes.filter((entry) => entry.includes("-papers:"))) assert.match(volume, /:ro$/, `${name}: ${volume}`);
    }
  });
});

describe("what the compose file's services run on", () => {
  let papers: string;
  let postgres: TestPostgres | undefined;
  let mysqlServer: TestMysql | undefined;
  let issuer: Issuer | undefined;
  let gateway: Awaited<ReturnType<typeof serveFile>> | undefined;
  const paper = (name: string) => readFileSync(join(papers, name), "utf8");
  const make = () =>
    spawnSync(process.execPath, [join(ROOT, "deploy/certificates.ts"), papers, join(ROOT, "deploy/sallyport.yaml")], { encoding: "utf8" });

  before(async () => {
    papers = await scratchFolder("papers", 0o755);
    for (const service of ["gateway", "postgres", "mysql", "idp", "agents", "auditor"]) mkdirSync(join(papers, service));
    const { status, stderr } = make();
    assert.equal(status, 0, stderr);
  });
  after(async () => {
    await gateway?.stop();
    await issuer?.stop();
    await postgres?.stop();
    await mysqlServer?.stop();
    await removeFolder(papers);
  });

  test("every secret is readable by its owner alone, and the authority's key was kept nowhere", () => {
    for (const entry of readdirSync(papers, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())) {
      const path = join(entry.parentPath, entry.name);
      if (/\.(crt|pub|yaml)$|complete$/.test(entry.name)) continue;
      assert.equal(statSync(path).mode & 0o777, 0o600, path);
    }
    assert.deepEqual(
      readdirSync(join(papers, "gateway")).filter((name) => name.endsWith(".key")),
      ["evidence.key", "gateway.key"],
    );
    assert.equal(
      readdirSync(papers, { recursive: true }).some((name) => String(name).endsWith("ca.key")),
      false,
    );
  });

  test("run again, it leaves everything as it is", () => {
    const earlier = paper("gateway/gateway.key");
    assert.match(make().stdout, /made before/);
    assert.equal(paper("gateway/gateway.key"), earlier);
  });

  test("an attempt that was cut off is not mixed with another", () => {
    rmSync(join(papers, "auditor", "complete"));
    const { status, stderr } = make();
    assert.equal(status, 1);
    assert.match(stderr, /remove the volumes/);
    writeFileSync(join(papers, "auditor", "complete"), "");
  });

  test("the realm gives each agent its groups, the gateway's audience, and a secret of its own", () => {
    const realm = JSON.parse(paper("idp/agents-realm.json"));
    assert.deepEqual(
      realm.clients.map((client: { clientId: string }) => client.clientId),
      ["report-agent", "support-agent"],
    );
    for (const client of realm.clients) {
      assert.equal(client.secret, paper(`agents/${client.clientId}.secret`));
      assert.ok(client.serviceAccountsEnabled && !client.publicClient && !client.directAccessGrantsEnabled);
      assert.equal(client.protocolMappers[0].config["included.custom.audience"], "sallyport");
    }
    assert.deepEqual(realm.users[1].groups, ["/data-agents", "/support"]);
  });

  test("an agent logs in with its secret and sees the shop, masked", async () => {
    await startShop();
    const { port } = gateway ?? { port: 0 };
    const ask = async (user: string, sql: string) => {
      const ssl = { ca: paper("agents/ca.crt"), servername: "localhost" };
      const client = new pg.Client({ host: "127.0.0.1", port, user, password: paper(`agents/${user}.secret`), database: "shop", ssl });
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    };
    const sql = "select name, email, ssn, card from users join payments on user_id = users.id order by users.id limit 1";
    const [report] = await ask("report-agent", sql);
    assert.equal(report.name, "Ada Winter");
    for (const [column, value] of [
      ["email", "ada@example.com"],
      ["ssn", "900-12-0001"],
      ["card", "4000000000000002"],
    ] as const) {
      assert.notEqual(report[column], value);
    }
    const [support] = await ask("support-agent", sql);
    assert.equal(support.email, "ada@example.com");
    assert.notEqual(support.ssn, "900-12-0001");
    await assert.rejects(ask("report-agent", "update users set name = 'x'"), { code: "42501" });
  });

  test("and the store, with a MySQL client", { skip: optional("mysql9") }, async () => {
    const port = Number(/:(\d+)$/.exec(gateway?.addresses["mysql"] ?? "")?.[1]);
    const ask = async (user: string, sql: string) => {
      const ssl = { ca: paper("agents/ca.crt") };
      const client = await mysql.createConnection({
        host: "localhost",
        port,
        user,
        password: paper(`agents/${user}.secret`),
        database: "store",
        ssl,
      });
      try {
        return (await client.query<mysql.RowDataPacket[]>(sql))[0];
      } finally {
        await client.end();
      }
    };
    const sql = "SELECT name, email, ssn, card FROM users JOIN payments ON user_id = users.id ORDER BY users.id LIMIT 1";
    const [report] = await ask("report-agent", sql);
    assert.deepEqual({ ...report }, { name: "Ada Winter", email: "***@example.com", ssn: "***", card: "************0002" });
    const [support] = await ask("support-agent", sql);
    assert.equal(support?.["email"], "ada@example.com");
    await assert.rejects(ask("report-agent", "UPDATE users SET name = 'x'"), /reason=access-not-granted/);
  });

  /** As the image's entry point runs it: what the script hands to the server as root. */
  async function startStore(): Promise<TestMysql> {
    const script = read("deploy/mysql/store.sh").replace("/run/sallyport/store.password", join(papers, "mysql", "store.password"));
    const { stdout, status, stderr } = spawnSync("bash", ["-c", `docker_process_sql() { cat; }\n${script}`], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return startMysql({ seed: [`CREATE DATABASE store; USE store; DROP USER app;`, stdout] });
  }

  /** Server, issuer and gateway as the compose file has them, but for where they listen. */
  async function startShop(): Promise<void> {
    const certificate = { ca: paper("gateway/ca.crt"), cert: paper("postgres/server.crt"), key: paper("postgres/server.key") };
    const hba = read("deploy/postgres/pg_hba.conf")
      .split("\n")
      .filter((line) => line !== "");
    postgres = await startPostgres({ certificate, hba });
    await runSql(postgres, "create database shop");
    const application = paper("postgres/app.password");
    const seed = read("deploy/postgres/shop.sql")
      .replace(/^\\set .*$/m, "")
      .replace(":'app_password'", pg.escapeLiteral(application));
    await runSql({ ...postgres, ca: certificate.ca }, seed, "shop");
    mysqlServer = await startStore();
    const agents = ["report-agent", "support-agent"].map((name) => ({
      name,
      secret: new Secret(paper(`agents/${name}.secret`)),
      groups: name === "support-agent" ? ["data-agents", "support"] : ["data-agents"],
    }));
    issuer = await startIssuer({ certificate: paper("idp/idp.crt"), key: new Secret(paper("idp/idp.key")), audience: "sallyport", agents });
    const state = join(papers, "gateway", "data");
    const text = paper("gateway/sallyport.yaml")
      .replace("0.0.0.0:6432", "127.0.0.1:0")
      .replace("127.0.0.1:9464", "127.0.0.1:0")
      .replace("https://idp:8443/realms/agents", issuer.url)
      .replace("name: azp", "name: sub")
      .replace("postgres:5432", `127.0.0.1:${postgres.port}`)
      .replace("0.0.0.0:6433", "127.0.0.1:0")
      .replace("mysql:3306", `127.0.0.1:${mysqlServer.port}`)
      .replace("ca: ca.crt, serverName: mysql", `ca: ${mysqlServer.caFile}, serverName: localhost`)
      .replaceAll("/var/lib/sallyport", state);
    const file = join(papers, "gateway", "here.yaml");
    writeFileSync(file, text);
    gateway = await serveFile(file);
  }
});
