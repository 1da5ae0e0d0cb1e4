/** The demo as a newcomer runs it: a process of its own, a line to paste, and nothing left when it ends, however it ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { type Running, startProgram, startWith } from "#test/src/cli/process.ts";
import { optional } from "#test/support/optional.ts";
import { DEBIAN_PROGRAMS } from "#test/support/postgres-programs.ts";
import { ROOT } from "#test/support/tree.ts";
import { until } from "#test/support/waiting.ts";

const started: Running[] = [];

after(() => {
  for (const { child } of started) if (child.exitCode === null) child.kill("SIGKILL");
});

function startNode(program: readonly string[], env: Readonly<Record<string, string>>): Running {
  const running = startWith(program, env);
  started.push(running);
  return running;
}

interface Demo {
  readonly running: Running;
  readonly folder: string;
  readonly port: number;
  readonly ca: string;
  /** The psql line for report-agent. */
  readonly line: string;
}

function start(argv: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running {
  const running = startProgram(["demo", ...argv], env);
  started.push(running);
  return running;
}

async function startDemo(env: Readonly<Record<string, string>> = {}, program?: readonly string[]): Promise<Demo> {
  const running = program === undefined ? start([], env) : startNode(program, env);
  const [, folder = ""] = await running.until(/Ctrl-C ends everything and removes (\S+)\n/);
  const [line = ""] = /^PGPASSWORD=\S+ psql "[^"\n]+user=report-agent[^"\n]+"$/m.exec(running.out()) ?? [];
  assert.notEqual(line, "", running.out());
  const [, ca = ""] = / sslrootcert=([^\s"]+)/.exec(line) ?? [];
  return { running, folder, line, ca, port: Number(/ port=(\d+)/.exec(line)?.[1]) };
}

/** A server's process, by its title, while it runs a statement in the demo's database. */
const SELECTING = /^postgres: \S+ shop \S+ SELECT$/;

/** Processes whose command line names the demo's folder, other than psql. */
function processesOf(folder: string): string[] {
  return spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((line) => line.includes(folder) && !line.includes("psql"));
}

/** What the demo's process of that name has open and has unlinked: how servers keep temporary files. @throws Error where there is none */
function temporaryFilesOf(name: string, folder: string): string[] {
  const [pid = ""] = spawnSync("pgrep", ["-f", `${name} .*${folder}`], { encoding: "utf8" }).stdout.split("\n");
  const fds = join("/proc", pid, "fd");
  const paths = readdirSync(fds).flatMap((fd) => {
    const path = readlinkSync(join(fds, fd));
    return path.endsWith(" (deleted)") ? [path] : [];
  });
  assert.notDeepEqual(paths, [], "a server has temporary files");
  return paths;
}

async function nothingLeft({ folder, port }: Demo, withinMs: number): Promise<void> {
  const left = (): boolean => existsSync(folder) || processesOf(folder).length > 0;
  for (let waited = 0; left() && waited < withinMs; waited += 100) await pause(100);
  assert.equal(existsSync(folder), false, folder);
  assert.deepEqual(processesOf(folder), []);
  const client = new pg.Client({ host: "127.0.0.1", port, user: "x", password: "x", database: "shop", ssl: true });
  await assert.rejects(client.connect(), { code: "ECONNREFUSED" });
}

describe("demo --once", () => {
  test("shows masked beside held, the refusal, the replay and the verification, and exits 0 only then", async () => {
    const running = start(["--once"]);
    assert.equal(await running.ended, 0, running.out() + running.err());
    const out = running.out();
    assert.match(out, /email +lars\.lindqvist30@example\.net +lars\.lindqvist30@example\.net +▒ \*\*\*@example\.net/);
    assert.match(out, /ssn +931-07-1110 +▒ \*\*\* +▒ \*\*\*/);
    assert.match(out, /DETAIL: {2}reason=access-not-granted/);
    assert.match(out, /● start[\s\S]*report-agent[\s\S]*■ end {2}closed/);
    assert.match(out, /verified {2}2 recordings and the evidence log are as they were written/);
    assert.match(out, /masked, refused, recorded and verified in/);
    // What the replay shows must hold nothing of what was masked.
    const replayed = out.slice(out.indexOf("What is on record"));
    for (const secret of ["931-07-1110", "2223003122003222", "lars.lindqvist30@example.net"])
      assert.equal(replayed.includes(secret), false);
    assert.equal(running.err(), "");
  });
});

describe("demo", () => {
  test("prints one unwrapped line that psql takes as it is, and a token that works as well", { skip: optional("psql") }, async () => {
    const demo = await startDemo();
    const shell = (command: string) =>
      spawnSync("sh", ["-c", command], { encoding: "utf8", env: { PATH: `${DEBIAN_PROGRAMS}:${process.env["PATH"]}` } });
    const query = `-Atc "select email, ssn from users where id = 1"`;
    assert.equal(shell(`${demo.line} ${query}`).stdout, "***@example.net|***\n");
    const [token = ""] = /^eyJ\S+$/m.exec(demo.running.out()) ?? [];
    assert.equal(shell(`${demo.line.replace(/^PGPASSWORD=\S+/, `PGPASSWORD=${token}`)} ${query}`).stdout, "***@example.net|***\n");
    const support = demo.running
      .out()
      .split("\n")
      .find((line) => line.startsWith("PGPASSWORD=") && line.includes("user=support-agent"));
    assert.equal(shell(`${support} ${query}`).stdout, "greta.petrov1@example.net|***\n");
    const commands = [...demo.running.out().matchAll(/^ {2}npx sallyport (sessions|handshakes|verify) (.*)$/gm)];
    assert.equal(commands.length, 3);
    for (const [, command = "", rest = ""] of commands) {
      const ran = startProgram([command, ...rest.split(" ")]);
      assert.equal(await ran.ended, 0, ran.err());
      assert.match(ran.out(), command === "handshakes" ? /upstream/ : command === "sessions" ? /support-agent/ : /^verified/m);
    }
    demo.running.child.kill("SIGINT");
    assert.equal(await demo.running.ended, 0);
    await nothingLeft(demo, 0);
  });

  test("has a target of the machine's MariaDB, masked as the other", { skip: optional("mariadb") }, async () => {
    const demo = await startDemo();
    const [line = ""] = /^MYSQL_PWD=\S+ mariadb .* store$/m.exec(demo.running.out()) ?? [];
    assert.notEqual(line, "", demo.running.out());
    const query = `-N -B -e "select id, email, ssn from users order by id limit 1; select count(*) from payments where card like '4%'; delete from users"`;
    const { stdout, stderr } = spawnSync("sh", ["-c", `${line} ${query}`], { encoding: "utf8", env: { PATH: process.env["PATH"] } });
    assert.equal(stdout, "1\t***@example.net\t***\n0\n");
    assert.match(stderr, /reason=access-not-granted/);
    // In a folder for all, its start would remove the temporary tables of the machine's other servers, and theirs its own.
    assert.deepEqual(
      temporaryFilesOf("mariadbd", demo.folder).filter((path) => !path.startsWith(demo.folder)),
      [],
    );
    demo.running.child.kill("SIGTERM");
    assert.equal(await demo.running.ended, 0);
    await nothingLeft(demo, 0);
  });

  test("ends on SIGTERM and on a closed terminal as on Ctrl-C", async () => {
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      const demo = await startDemo();
      demo.running.child.kill(signal);
      assert.equal(await demo.running.ended, 0);
      await nothingLeft(demo, 0);
    }
  });

  test("killed without a word, it leaves nothing either", async () => {
    const demo = await startDemo();
    demo.running.child.kill("SIGKILL");
    assert.equal(await demo.running.ended, "SIGKILL");
    await nothingLeft(demo, 60_000);
  });

  test("when the program that started it is killed, it ends", async () => {
    // A launcher, as npm or a newer Node's starter: it passes the output on and waits.
    const script = `import { spawn } from "node:child_process";
      spawn(process.execPath, [${JSON.stringify(join(ROOT, "src", "main.ts"))}, "demo"], { stdio: "inherit" });`;
    const demo = await startDemo({}, ["--input-type=module", "-e", script]);
    demo.running.child.kill("SIGKILL");
    await nothingLeft(demo, 60_000);
  });

  test("a second Ctrl-C does not wait for a statement that runs, and the rest is cleaned up all the same", async () => {
    const demo = await startDemo();
    const [, password = ""] = /^PGPASSWORD=(\S+)/.exec(demo.line) ?? [];
    const ca = spawnSync("cat", [demo.ca], { encoding: "utf8" }).stdout;
    const client = new pg.Client({ host: "localhost", port: demo.port, user: "report-agent", password, database: "shop", ssl: { ca } });
    client.on("error", () => undefined); // it is cut off below
    await client.connect();
    const endless = client.query("select count(*) from orders a, orders b, orders c, orders d").catch((error: unknown) => error);
    const running = () =>
      spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
        .stdout.split("\n")
        .some((line) => SELECTING.test(line));
    await until(running, "the statement runs");
    demo.running.child.kill("SIGINT");
    await pause(1500);
    assert.equal(demo.running.child.exitCode, null, "the first one lets the statement finish, for a while");
    const secondMs = Date.now();
    demo.running.child.kill("SIGINT");
    await demo.running.ended;
    // The first one would have waited for eight seconds more.
    assert.ok(Date.now() - secondMs < 6000);
    await nothingLeft(demo, 60_000);
    assert.ok((await endless) instanceof Error);
  });

  test("where npm has no PostgreSQL for the platform, it says how to use one's own", async () => {
    const otherPlatform = "data:text/javascript,Object.defineProperty(process, 'arch', { value: 'mips' })";
    const running = startNode(["--import", otherPlatform, join(ROOT, "src", "main.ts"), "demo"], {});
    assert.equal(await running.ended, 1);
    assert.match(running.err(), /error: no PostgreSQL for linux on mips[\s\S]*sallyport init gateway[\s\S]*sallyport serve/);
  });

  test("a port that is taken is said in words, and everything started before is gone", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const running = start(["--port", port]);
    assert.equal(await running.ended, 1);
    assert.match(running.err(), new RegExp(`error: port ${port} on 127\\.0\\.0\\.1 is taken\n.*leave --port out`));
    server.close();
  });
});
