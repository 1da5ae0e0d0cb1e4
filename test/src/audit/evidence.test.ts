import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Fault } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import { openEvidence } from "#src/audit/evidence.ts";
import { parseLine } from "#src/audit/evidence-lines.ts";
import { createSigningKey, loadPublicKey, loadSigningKey, publicKeyFingerprint } from "#src/audit/signing.ts";
import { verify } from "#src/audit/verify.ts";
import { type Archive, archive, handshake } from "./archive.ts";

const lost = (sessionId: string) => ({ type: "session-lost", sessionId, reason: "a test" }) as const;

describe("appending evidence", () => {
  test("writes what came in one turn as one batch under one checkpoint, in order", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    const before = made.lines().length;
    const numbers = await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(lost(`session-${index}`))));
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, index) => 13 + index),
    );
    assert.equal(made.lines().length, before + 51);
    assert.equal(log.size, 63);
    await log.close();
    assert.deepEqual(
      await made.problems(),
      Array.from({ length: 50 }, (_, index) => [`session-${index}`, "lost"] as const).filter(([id]) => !made.sealed.has(id)),
    );
  });

  test("has the line and its signature on disk when the promise resolves", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    for (let index = 0; index < 20; index++) {
      const seq = await log.append(lost(`session-${index}`));
      const [record = "", checkpoint = ""] = made.lines().slice(-2);
      const [first, second] = [parseLine(record), parseLine(checkpoint)];
      assert.ok(first?.kind === "record" && first.seq === seq);
      assert.ok(second?.kind === "checkpoint" && second.checkpoint.size === seq + 1);
    }
    await log.close();
  });

  test("keeps every line one object without raw control characters", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    const hostile = '\r\n\u0000\u001b]0;\u007f\u009b\u2028\u202e\ud800"}';
    await log.append({ type: "handshake", handshake: handshake(null, "2026-11-21T12:00:00.000Z", { remote: hostile, detail: hostile }) });
    await log.close();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(readFileSync(made.log, "utf8").replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
    const line = parseLine(made.lines().at(-2) ?? "");
    assert.ok(line?.kind === "record" && line.record.type === "handshake" && line.record.handshake.remote === hostile);
    assert.deepEqual(await made.problems(), []);
  });

  test("fails for all who wait when the disk is full, and goes on when it has room", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root can mount a small volume");
    const made = await archive(t);
    const directory = join(made.studio.root, "full");
    mkdirSync(directory);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], { encoding: "utf8" });
    assert.equal(mounted.status, 0, mounted.stderr);
    try {
      const { key } = made;
      const log = await openEvidence({ directory, stateFile: `${made.stateFile}.full`, key, clock: made.studio.clock });
      const filler = join(directory, "filler");
      writeFileSync(filler, Buffer.alloc(48 * 1024));
      const large = { ...lost("session-1"), reason: "x".repeat(20_000) };
      const results = await Promise.allSettled([log.append(lost("session-0")), log.append(large), log.append(lost("session-2"))]);
      for (const result of results)
        assert.ok(result.status === "rejected" && result.reason instanceof Fault && result.reason.code === "evidence-failed");
      await assert.rejects(log.append(large), { code: "evidence-failed" });
      rmSync(filler);
      // Record 1 tells of the cut.
      assert.equal(await log.append(lost("session-3")), 2);
      assert.equal(await log.append(lost("session-4")), 3);
      await log.close();
      const records = readFileSync(join(directory, "log.jsonl"), "utf8").split("\n").slice(0, -1).map(parseLine);
      assert.deepEqual(
        records.map((line) => (line?.kind === "record" ? line.record.type : line?.kind)),
        ["log-opened", "checkpoint", "log-repaired", "session-lost", "checkpoint", "session-lost", "checkpoint"],
      );
      const publicKey = loadPublicKey(key.publicKeyPem);
      const verdicts = await Array.fromAsync(verify({ recordings: join(made.studio.root, "none"), evidence: directory, publicKey }));
      assert.equal(verdicts.at(-1)?.ok, true);
      await (await openEvidence({ directory, stateFile: `${made.stateFile}.full`, key, clock: made.studio.clock })).close();
    } finally {
      assert.equal(spawnSync("umount", [directory]).status, 0);
    }
  });

  test("does not deny a record that is on disk when its checkpoint cannot be put beside it, but takes no further one", async (t) => {
    const made = await archive(t);
    const directory = join(made.studio.root, "gone");
    const options = { directory, stateFile: `${made.stateFile}.gone`, key: made.key, clock: made.studio.clock };
    const log = await openEvidence(options);
    renameSync(directory, `${directory}.aside`);
    assert.equal(await log.append(lost("session-1")), 1);
    await assert.rejects(log.append(lost("session-2")), { code: "evidence-failed" });
    renameSync(`${directory}.aside`, directory);
    assert.equal(await log.append(lost("session-3")), 2);
    await log.close();
    const verdicts = await Array.fromAsync(
      verify({ recordings: directory, evidence: directory, publicKey: loadPublicKey(made.key.publicKeyPem) }),
    );
    assert.equal(verdicts.at(-1)?.ok, true);
  });

  test("fails after the close", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    const appended = log.append(lost("session-1"));
    await log.close();
    assert.equal(await appended, 13);
    await assert.rejects(log.append(lost("session-2")), { code: "evidence-failed" });
  });
});

describe("opening an evidence log", () => {
  test("makes one that names itself and its key", async (t) => {
    const made = await archive(t);
    const first = parseLine(made.lines()[0] ?? "");
    assert.ok(first?.kind === "record" && first.record.type === "log-opened");
    assert.equal(first.record.publicKey, made.key.publicKeyPem);
    assert.match(first.record.log, /^[0-9a-f]{32}$/);
    assert.equal(statSync(made.log).mode & 0o007, 0);
  });

  test("continues where it ended", async (t) => {
    const made = await archive(t);
    for (let round = 0; round < 3; round++) {
      const log = await made.reopen();
      assert.equal(await log.append(lost(`session-${round}`)), 13 + round);
      await log.close();
    }
    assert.ok((await made.verdicts()).at(-1)?.ok);
  });

  test("cuts what no checkpoint covers, and records that it did", async (t) => {
    const made = await archive(t);
    const whole = made.lines().length;
    const record = made.lines()[2] ?? "";
    appendFileSync(made.log, `${record}\n{"seq":14,"pr`);
    const log = await made.reopen();
    assert.equal(log.size, 14);
    await log.close();
    const repaired = parseLine(made.lines()[whole] ?? "");
    assert.ok(repaired?.kind === "record" && repaired.record.type === "log-repaired");
    assert.equal(repaired.record.bytes, record.length + 14);
    assert.deepEqual(await made.problems(), []);
  });

  test("goes on when the checkpoint files are older than the log, as a crash leaves them", async (t) => {
    const made = await archive(t);
    const [beside, state] = [readFileSync(join(made.evidence, "checkpoint")), readFileSync(made.stateFile)];
    const log = await made.reopen();
    await log.append(lost("session-1"));
    await log.close();
    writeFileSync(join(made.evidence, "checkpoint"), beside);
    writeFileSync(made.stateFile, state);
    assert.deepEqual((await made.verdicts()).at(-1)?.problem, null);
    await (await made.reopen()).close();
  });

  test("begins anew after a crash before the first checkpoint", async (t) => {
    const made = await archive(t);
    const directory = join(made.studio.root, "young");
    mkdirSync(directory);
    writeFileSync(join(directory, "log.jsonl"), '{"seq":0,"prev"');
    const log = await openEvidence({ directory, stateFile: `${made.stateFile}.young`, key: made.key, clock: made.studio.clock });
    assert.equal(log.size, 1);
    await log.close();
  });

  const refusals: readonly (readonly [string, string, (made: Archive) => void])[] = [
    ["that was deleted", "log-missing", (made) => rmSync(made.log)],
    ["that was emptied", "log-rolled-back", (made) => truncateSync(made.log, 0)],
    ["that was cut at an older checkpoint", "log-rolled-back", (made) => made.setLines(made.lines().slice(0, -2))],
    [
      "that was cut together with its checkpoint file",
      "log-rolled-back",
      (made) => {
        const lines = made.lines().slice(0, -2);
        made.setLines(lines);
        writeFileSync(join(made.evidence, "checkpoint"), `${lines.at(-1)}\n`);
      },
    ],
    [
      "that was cut, with the state's copy lost",
      "log-rolled-back",
      (made) => {
        made.setLines(made.lines().slice(0, -2));
        rmSync(made.stateFile);
      },
    ],
    ["in which something was left out before the end", "log-changed", (made) => made.setLines(made.lines().toSpliced(1, 2))],
    ["whose checkpoint file is damaged", "checkpoint-damaged", (made) => truncateSync(join(made.evidence, "checkpoint"), 20)],
    ["whose state copy is damaged", "checkpoint-damaged", (made) => writeFileSync(made.stateFile, "x")],
  ];
  for (const [what, problem, damage] of refusals) {
    test(`refuses one ${what}, and leaves it as it is`, async (t) => {
      const made = await archive(t);
      damage(made);
      const before = existsSync(made.log) ? readFileSync(made.log) : undefined;
      await assert.rejects(made.reopen(), { name: "EvidenceStartError", problem });
      if (before !== undefined) assert.deepEqual(readFileSync(made.log), before);
    });
  }

  test("refuses the log of another key, and of another gateway", async (t) => {
    const [made, other] = [await archive(t), await archive(t)];
    const key = loadSigningKey(createSigningKey().privateKeyPem);
    const options = { directory: made.evidence, stateFile: made.stateFile, clock: made.studio.clock };
    await assert.rejects(openEvidence({ ...options, key }), { problem: "key-changed" });
    copyFileSync(other.log, made.log);
    copyFileSync(join(other.evidence, "checkpoint"), join(made.evidence, "checkpoint"));
    await assert.rejects(openEvidence({ ...options, key: other.key }), { problem: "log-changed" });
  });
});

describe("the signing key", () => {
  test("is read from PEM, and its public half is told", () => {
    const made = createSigningKey();
    const key = loadSigningKey(made.privateKeyPem);
    assert.equal(key.publicKeyPem, made.publicKeyPem);
    assert.equal(key.fingerprint, publicKeyFingerprint(loadPublicKey(made.publicKeyPem)));
    assert.match(key.fingerprint, /^SHA256:[A-Za-z0-9+/]{43}$/);
  });

  test("is refused when it is none, without quoting it", () => {
    assert.throws(
      () => loadSigningKey(new Secret("-----BEGIN CANARY-----")),
      (error) => error instanceof Error && !`${error.message}${error.stack}${error.cause}`.includes("CANARY"),
    );
    assert.throws(() => loadPublicKey("nothing"), /not PEM/);
    assert.throws(() => loadPublicKey(createSigningKey().privateKeyPem.expose()), /private key/);
  });
});
