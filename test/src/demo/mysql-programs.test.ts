/** Which server of the machine the demo takes, if any. The programs here are stand-ins that only tell a version. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findMysql } from "#src/demo/mysql-programs.ts";
import { optional } from "#test/support/optional.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

describe("a MySQL or MariaDB of the machine", () => {
  let folder: string;
  before(async () => {
    folder = await scratchFolder("mysql-programs");
  });
  after(() => removeFolder(folder));

  /** A folder of its own with these programs. */
  function having(name: string, programs: Readonly<Record<string, string>>): string {
    const own = join(folder, name);
    mkdirSync(own);
    for (const [file, says] of Object.entries(programs)) writeFileSync(join(own, file), `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
    return own;
  }

  test("is not there where no folder has one, or what is there tells no version", () => {
    assert.equal(findMysql("/nowhere", []), undefined);
    assert.equal(findMysql(having("mute", { mysqld: "hello" }), []), undefined);
  });

  test("is MySQL, or MariaDB under its old name too, where it can make a data folder", () => {
    const own = having("mysql", { mysqld: "mysqld  Ver 8.4.6 for Linux on x86_64" });
    assert.deepEqual(findMysql(own, []), { make: "mysql", server: join(own, "mysqld"), install: null, version: "8.4.6" });
    const maria = "mysqld  Ver 10.5.1-MariaDB for Linux";
    assert.equal(findMysql(having("half", { mysqld: maria }), []), undefined);
    const old = having("old", { mysqld: maria, mysql_install_db: "" });
    assert.deepEqual(findMysql("", [old]), {
      make: "mariadb",
      server: join(old, "mysqld"),
      install: join(old, "mysql_install_db"),
      version: "10.5.1-MariaDB",
    });
  });

  test("is found where Debian puts it", { skip: optional("mariadb") }, () => {
    const found = findMysql("");
    assert.match(found?.version ?? "", /^\d+\.\d+\.\d+/);
    assert.ok(found?.server.startsWith("/usr/"));
  });
});
