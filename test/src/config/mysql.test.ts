/** What the configuration says of MySQL alone: its listener, and files of clients. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import type { Config, DatabaseTarget, LoadResult } from "#src/config/config.ts";
import { type Folder, makeFolder, told } from "./folder.ts";

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

function configOf(result: LoadResult): Config {
  assert.ok(result.kind === "loaded", inspect(result, { depth: 5 }));
  return result.config;
}

async function refused(parts: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const result = await folder.load(folder.yaml(parts));
  assert.ok(result.kind === "refused", "the configuration must be refused");
  return told(result.problems);
}

function databaseOf(config: Config, name: string): DatabaseTarget {
  const target = config.targets.get(name);
  assert.ok(target !== undefined && target.protocol !== "http", `${name} is no database`);
  return target;
}

describe("the MySQL listener", () => {
  const MYSQL = `{ m: { protocol: mysql, address: 'db.internal:3306', credential: { user: app } }, p: { protocol: postgres, address: 'db.internal:5432', credential: { user: app } } }`;
  const access = "{ rules: [{ who: { groups: [data-agents] }, targets: [m], may: [read] }] }";

  test("is an address, or a map that says for which target it is and what clients are greeted with", async () => {
    const plain = configOf(await folder.load(folder.yaml({ listen: "{ mysql: '127.0.0.1:0' }", targets: MYSQL, access })));
    assert.deepEqual(plain.listen.mysql, { host: "127.0.0.1", port: 0, target: null, version: null });
    assert.equal(databaseOf(plain, "m").localFiles, false);
    const listen = "{ mysql: { address: '[::1]:3306', target: m, version: 11.8.3-MariaDB } }";
    const bound = configOf(
      await folder.load(folder.yaml({ listen, targets: MYSQL.replace("user: app }", "user: app }, localInfile: allow"), access })),
    );
    assert.deepEqual(bound.listen.mysql, { host: "::1", port: 3306, target: "m", version: "11.8.3-MariaDB" });
    assert.equal(databaseOf(bound, "m").localFiles, true);
  });

  test("is for no target that is none, or of another protocol, and tells no version that clients could not read", async () => {
    for (const [mysql, message] of [
      ["{ address: '127.0.0.1:0', target: nowhere }", /listen\.mysql\.target: is no target of protocol mysql/],
      ["{ address: '127.0.0.1:0', target: p }", /listen\.mysql\.target: is no target of protocol mysql/],
      ["{ address: '127.0.0.1:0', version: newest }", /listen\.mysql/],
      ["{ target: m }", /listen\.mysql/],
    ] as const) {
      assert.match((await refused({ listen: `{ mysql: ${mysql} }`, targets: MYSQL, access })).join("\n"), message, mysql);
    }
    const elsewhere = MYSQL.replace("p: { protocol: postgres,", "p: { protocol: postgres, localInfile: allow,");
    assert.match((await refused({ targets: elsewhere, access })).join("\n"), /localInfile/);
  });
});
