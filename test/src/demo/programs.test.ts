/** PostgreSQL from npm has to run however it was installed: without install scripts, read-only, or behind a closed folder. */
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { databaseAccount } from "#src/demo/account.ts";
import { packagedPrograms, runnablePrograms } from "#src/demo/programs.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

const native = packagedPrograms();

test("there is no package for a platform that nobody builds for", () => {
  assert.equal(packagedPrograms("sunos", "x64"), undefined);
  assert.equal(packagedPrograms("linux", "mips"), undefined);
});

test("the links that an install script would have made are made", async () => {
  assert.ok(native !== undefined, "the PostgreSQL of npm is not installed");
  const scratch = await scratchFolder("programs");
  try {
    const bare = join(scratch, "native");
    cpSync(native, bare, { recursive: true, verbatimSymlinks: true });
    const links: { target: string }[] = JSON.parse(readFileSync(join(bare, "pg-symlinks.json"), "utf8"));
    const paths = links.map(({ target }) => join(scratch, target));
    for (const path of paths) rmSync(path, { force: true });
    chmodSync(join(bare, "bin", "initdb"), 0o644);
    const programs = runnablePrograms(bare, undefined, scratch);
    assert.equal(programs.postgres, join(bare, "bin", "postgres"));
    for (const path of paths) assert.ok(lstatSync(path).isSymbolicLink(), path);
    // And again, where everything stands already.
    assert.deepEqual(runnablePrograms(bare, undefined, scratch), programs);
  } finally {
    await removeFolder(scratch);
  }
});

test("where the account cannot reach the programs, a copy in the demo's folder is used", async (t) => {
  const account = databaseAccount();
  if (account === undefined) return t.skip("only root starts the database under another account");
  assert.ok(native !== undefined, "the PostgreSQL of npm is not installed");
  const scratch = await scratchFolder("programs");
  try {
    const home = join(scratch, "home");
    const open = join(scratch, "demo");
    mkdirSync(home, { mode: 0o700 });
    mkdirSync(open, { mode: 0o711 });
    chmodSync(scratch, 0o711);
    cpSync(native, join(home, "native"), { recursive: true, verbatimSymlinks: true });
    const programs = runnablePrograms(join(home, "native"), account, open);
    assert.equal(programs.postgres, join(open, "postgresql", "bin", "postgres"));
    assert.ok(existsSync(join(open, "postgresql", "share")));
  } finally {
    await removeFolder(scratch);
  }
});

test("programs that do not run at all are an error with the system's words", async () => {
  assert.ok(native !== undefined, "the PostgreSQL of npm is not installed");
  const scratch = await scratchFolder("programs");
  try {
    const broken = join(scratch, "broken");
    cpSync(native, broken, { recursive: true, verbatimSymlinks: true });
    const program = join(broken, "bin", "postgres");
    rmSync(program);
    writeFileSync(program, "#!/bin/sh\necho 'cannot load libcrypto' >&2\nexit 127\n", { mode: 0o755 });
    assert.throws(() => runnablePrograms(broken, undefined, scratch), /does not run here: cannot load libcrypto/);
  } finally {
    await removeFolder(scratch);
  }
});
