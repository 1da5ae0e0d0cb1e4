/** A first configuration: complete, private where it must be, accepted by check, and never written over anything. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Secret } from "#protocols/wire/secret.ts";
import { loadPublicKey, loadSigningKey } from "#src/audit/signing.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

let scratch: string;

before(async () => {
  scratch = await scratchFolder("init");
});

after(() => removeFolder(scratch));

const SECRETS = ["keys/ca.key", "keys/gateway.key", "keys/evidence.key", "auditor/identity.txt"];

describe("init", () => {
  test("writes a configuration that check accepts once the password is set, and says how to go on", async () => {
    const made = await runCommand(["init", "gateway"], { cwd: scratch });
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /export ORDERS_PASSWORD=/);
    assert.match(made.out, /check --config gateway\/sallyport\.yaml/);
    assert.match(made.out, /-----BEGIN PUBLIC KEY-----/);
    assert.doesNotMatch(made.out, /PRIVATE KEY|AGE-SECRET-KEY/);
    const unset = await runCommand(["check", "--config", "gateway/sallyport.yaml"], { cwd: scratch });
    assert.equal(unset.code, 2);
    assert.match(unset.out, /^gateway\/sallyport\.yaml:\d+:\d+: error: targets\.orders\.credential\.password: .*ORDERS_PASSWORD/m);
    const set = await runCommand(["check", "--config", "gateway/sallyport.yaml"], { cwd: scratch, env: { ORDERS_PASSWORD: "x" } });
    assert.equal(set.code, 0, set.out);
  });

  test("keeps private keys to their owner, and makes pairs that belong together", () => {
    const at = (name: string): string => join(scratch, "gateway", name);
    for (const name of SECRETS) assert.equal(statSync(at(name)).mode & 0o777, 0o600, name);
    const read = (name: string): string => readFileSync(at(name), "utf8");
    const certificate = new X509Certificate(read("certs/gateway.crt"));
    assert.ok(certificate.verify(new X509Certificate(read("certs/ca.crt")).publicKey));
    assert.equal(certificate.checkHost("localhost"), "localhost");
    assert.equal(loadSigningKey(new Secret(read("keys/evidence.key"))).publicKeyPem, read("certs/evidence.pub"));
    assert.ok(loadPublicKey(read("certs/evidence.pub")));
    assert.match(read("sallyport.yaml"), new RegExp(/# public key: (age1\w+)/.exec(read("auditor/identity.txt"))?.[1] ?? "none"));
  });

  test("refuses a folder that holds anything, and touches nothing in it", async () => {
    mkdirSync(join(scratch, "used"));
    writeFileSync(join(scratch, "used", "notes"), "mine");
    const { code, err } = await runCommand(["init", "used", "--json"], { cwd: scratch });
    assert.equal(code, 2);
    assert.equal(JSON.parse(err).error.code, "folder-in-use");
    assert.deepEqual(readdirSync(join(scratch, "used")), ["notes"]);
  });

  test("as JSON names what it made", async () => {
    const { code, objects } = await runCommand(["init", "machine", "--json"], { cwd: scratch });
    assert.equal(code, 0);
    const [made] = objects();
    assert.equal(made?.["folder"], join(scratch, "machine"));
    assert.match(String(made?.["recipient"]), /^age1/);
  });
});

describe("check", () => {
  test("lists every problem at once, as JSON one object each", async () => {
    const file = join(scratch, "bad.yaml");
    writeFileSync(file, "listen: { postgres: nowhere }\ntargets: {}\nextra: 1\n");
    const { code, objects } = await runCommand(["check", "--config", file, "--json"]);
    assert.equal(code, 2);
    const problems = objects();
    assert.ok(problems.length > 3);
    for (const problem of problems) assert.deepEqual(Object.keys(problem).sort(), ["column", "level", "line", "message", "path"]);
    assert.ok(problems.some((problem) => problem["path"] === "extra" && problem["line"] === 3));
  });

  test("says that a file is not there", async () => {
    const { code, out } = await runCommand(["check", "--config", join(scratch, "none.yaml")]);
    assert.equal(code, 2);
    assert.match(out, /none\.yaml:1:1: error:/);
  });

  test("shows names in the file as text", async () => {
    const file = join(scratch, "evil.yaml");
    writeFileSync(file, '"\\e]52;c;eA==\\a": 1\n');
    const { code, out } = await runCommand(["check", "--config", file]);
    assert.equal(code, 2);
    assert.match(out, /\\x1b\]52/);
    assert.doesNotMatch(out, /[^\n\P{Cc}]/u);
  });
});
