/**
 * The published package: built as `npm pack` has it built, placed below a node_modules folder, where Node strips no
 * types, and used from there as a program and by its types.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { ROOT } from "#test/support/tree.ts";

describe("the published package", () => {
  let home: string;
  let installed: string;
  const run = (command: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: home, encoding: "utf8", timeout: 280_000 });
    return { status, stdout, stderr };
  };

  before(async () => {
    home = await scratchFolder("package", 0o755);
    installed = join(home, "node_modules", "sallyport");
    mkdirSync(installed, { recursive: true });
    const built = run(
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join(ROOT, "tools/build.ts"),
      "--out",
      join(installed, "dist"),
    );
    assert.equal(built.status, 0, built.stdout + built.stderr);
    const { files } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    for (const name of [...files, "package.json"].filter((file) => file !== "dist/" && existsSync(join(ROOT, file)))) {
      cpSync(join(ROOT, name), join(installed, name), { recursive: true });
    }
    // Only what the package depends on, as its users have it.
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    for (const name of Object.keys(dependencies)) {
      mkdirSync(join(home, "node_modules", name, ".."), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), join(home, "node_modules", name));
    }
  });
  after(() => removeFolder(home));

  test("holds no TypeScript but declarations, and no specifier that ends in .ts", () => {
    const files = globSync("dist/**/*", { cwd: installed, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(
      files.filter(({ name }) => name.endsWith(".ts") && !name.endsWith(".d.ts")),
      [],
    );
    const stray = files.filter(({ name, parentPath }) =>
      /(?:from|import\() ?"[^"]+\.ts"/.test(readFileSync(join(parentPath, name), "utf8")),
    );
    assert.deepEqual(stray, []);
    assert.ok(readdirSync(join(installed, "dist")).includes("src"));
  });

  test("tells its version", () => {
    const { stdout, status } = run(process.execPath, join(installed, "bin/sallyport.js"), "--version");
    assert.deepEqual([stdout, status], [`${JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version}\n`, 0]);
  });

  test("runs the demo from there: masked, refused, recorded, verified", () => {
    const { stdout, stderr, status } = run(process.execPath, join(installed, "bin/sallyport.js"), "demo", "--once");
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /verified/);
  });

  test("its types are there for those who read recordings", () => {
    writeFileSync(join(home, "package.json"), '{ "type": "module" }');
    const source =
      'import type { RecordedEvent } from "sallyport/recording";\nimport type { HandshakeRecord } from "sallyport/evidence";\n';
    const compile = (body: string) => {
      writeFileSync(join(home, "reader.ts"), source + body);
      return run(
        join(ROOT, "node_modules/.bin/tsc"),
        "--ignoreConfig",
        "--noEmit",
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "esnext",
        "reader.ts",
      );
    };
    const good = compile("export const at = (event: RecordedEvent, handshake: HandshakeRecord): string => event.at + handshake.at;\n");
    assert.deepEqual([good.status, good.stdout], [0, ""]);
    const bad = compile("export const at = (event: RecordedEvent): number => event.at;\nexport type { HandshakeRecord };\n");
    assert.match(bad.stdout, /TS2322/);
  });
});
