import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lineHash, parseCheckpoint } from "#src/audit/evidence-lines.ts";
import { createSigningKey, loadPublicKey } from "#src/audit/signing.ts";
import { type Archive, archive } from "./archive.ts";

/** Path of a session's sealed file. */
function pathOf(made: Archive, id: string): string {
  return join(made.studio.recordings, made.sealed.get(id)?.file ?? "absent");
}

/** The log's problem as a whole. */
async function logProblem(made: Archive): Promise<string> {
  const verdict = (await made.verdicts()).at(-1);
  return verdict?.problem ?? "";
}

/** Index of the log's line that holds this. */
function lineWith(lines: readonly string[], text: string): number {
  const index = lines.findIndex((line) => line.includes(text));
  assert.ok(index >= 0, text);
  return index;
}

describe("the evidence log", () => {
  test("with a record changed names its line", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    const index = lineWith(lines, '"type":"handshake"');
    made.setLines(lines.with(index, (lines[index] ?? "").replace("192.0.2.7", "192.0.2.8")));
    assert.match(await logProblem(made), new RegExp(`^changed: record 1 is not what the checkpoint in line ${index + 2} was signed over$`));
    const sealedAt = lineWith(lines, '"type":"session-sealed"');
    made.setLines(lines.with(sealedAt, (lines[sealedAt] ?? "").replace('"statements":2', '"statements":1')));
    assert.deepEqual(await made.problems(), [["log", "changed"]]);
  });

  test("with any single byte changed is found", async (t) => {
    const made = await archive(t);
    const whole = readFileSync(made.log);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (offset, bit) => {
        const changed = Buffer.from(whole);
        changed[offset] = (changed[offset] ?? 0) ^ (1 << bit);
        writeFileSync(made.log, changed);
        assert.ok((await made.problems()).some(([what]) => what === "log"));
      }),
      { numRuns: 25 },
    );
  });

  test("of any bytes whatever ends in a verdict, and a good one only if it is whole", async (t) => {
    const made = await archive(t);
    const whole = readFileSync(made.log);
    const checkpoint = readFileSync(join(made.evidence, "checkpoint"));
    const mutation = fc.tuple(fc.nat(whole.length), fc.nat(2000), fc.uint8Array({ maxLength: 30 }));
    const mutated = fc
      .array(mutation, { minLength: 1, maxLength: 4 })
      .map((mutations) =>
        mutations.reduce<Buffer>((all, [at, cut, put]) => Buffer.concat([all.subarray(0, at), put, all.subarray(at + cut)]), whole),
      );
    const shuffled = fc
      .shuffledSubarray(made.lines(), { minLength: 0 })
      .map((lines) => Buffer.from(lines.map((line) => `${line}\n`).join("")));
    const bytes = fc.oneof(
      mutated,
      shuffled,
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((json) => Buffer.from(`${json}\n`)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.oneof(fc.constant(checkpoint), fc.uint8Array({ maxLength: 300 })), async (log, beside) => {
        writeFileSync(made.log, log);
        writeFileSync(join(made.evidence, "checkpoint"), beside);
        const last = (await made.verdicts()).at(-1);
        assert.ok(last !== undefined && "size" in last);
        assert.equal(last.ok, whole.equals(log) && checkpoint.equals(beside));
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 30) },
    );
  });

  test("with a record left out names it", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    const index = lineWith(lines, '"type":"session-opened"');
    made.setLines(lines.toSpliced(index, 1));
    assert.equal(await logProblem(made), `missing: record 2 is not in the log; line ${index + 1} comes next`);
    made.setLines(lines.toSpliced(index, 3));
    assert.equal(await logProblem(made), `missing: records 2 to 3 are not in the log; line ${index + 1} comes next`);
  });

  test("with records of several batches left out names them all", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    made.setLines(lines.filter((line) => !line.includes('"type":"handshake"')));
    const problem = await logProblem(made);
    for (const record of [1, 4, 7, 10]) assert.match(problem, new RegExp(`\\b${record}\\b`));
  });

  test("with two records exchanged names them", async (t) => {
    const made = await archive(t);
    const log = await made.reopen();
    await Promise.all(["a", "b", "c", "d"].map((reason) => log.append({ type: "session-lost", sessionId: "session-5", reason })));
    await log.close();
    const lines = made.lines();
    const index = lineWith(lines, '"reason":"b"');
    made.setLines(lines.with(index, lines[index + 1] ?? "").with(index + 1, lines[index] ?? ""));
    assert.equal(await logProblem(made), `reordered: record 14 stands in line ${index + 2}, behind record 15`);
  });

  test("with a record inserted names its line", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    const index = lineWith(lines, '"type":"session-opened"');
    made.setLines(lines.toSpliced(index + 1, 0, lines[index] ?? ""));
    assert.match(await logProblem(made), new RegExp(`^inserted: line ${index + 2} is a second record 2`));
    made.setLines(lines.toSpliced(index, 0, "{}"));
    assert.match(await logProblem(made), new RegExp(`^changed: line ${index + 1} of the log is neither`));
  });

  test("with a checkpoint line edited, left out or from elsewhere is found", async (t) => {
    const [made, other] = [await archive(t), await archive(t)];
    const lines = made.lines();
    const index = lineWith(lines, '"checkpoint"') + 4;
    assert.ok(lines[index]?.includes('"checkpoint"'));
    made.setLines(lines.with(index, (lines[index] ?? "").replace('"size":3', '"size":4')));
    assert.match(await logProblem(made), new RegExp(`^changed: the checkpoint in line ${index + 1} is not signed`));
    made.setLines(lines.toSpliced(index, 1));
    assert.match(await logProblem(made), /^changed: line \d+, or one removed behind it/);
    made.setLines(lines.with(index, other.lines()[index] ?? ""));
    assert.match(await logProblem(made), /^changed: /);
    made.setLines(other.lines());
    copyFileSync(join(other.evidence, "checkpoint"), join(made.evidence, "checkpoint"));
    assert.match(await logProblem(made), /^key: the log says it is signed by SHA256:.*the given key is SHA256:/);
  });

  test("cut at any line is found by the checkpoint beside it", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    for (let keep = 0; keep < lines.length; keep += 3) {
      made.setLines(lines.slice(0, keep));
      const problem = await logProblem(made);
      assert.match(
        problem,
        keep === 0 ? /^missing: the log holds no checkpoint/ : /^(cut|missing|unsigned): /,
        `${keep} lines: ${problem}`,
      );
    }
    rmSync(made.log);
    assert.match(await logProblem(made), /^missing: there is no evidence log/);
  });

  test("cut together with its checkpoint is found by the recordings, and by a checkpoint kept elsewhere", async (t) => {
    const made = await archive(t);
    const kept = parseCheckpoint(readFileSync(join(made.evidence, "checkpoint"), "utf8"));
    assert.ok(kept !== undefined);
    const lines = made.lines().slice(0, -6);
    made.setLines(lines);
    writeFileSync(join(made.evidence, "checkpoint"), `${lines.at(-1)}\n`);
    assert.deepEqual(await made.problems(), [["session-4", "unknown"]]);
    rmSync(pathOf(made, "session-4"));
    assert.deepEqual(await made.problems(), []);
    assert.deepEqual(await made.problems({ anchors: [kept] }), [["log", "cut"]]);
  });

  test("rewritten with hashes made anew is found at its first changed batch", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    const index = lineWith(lines, '"type":"session-sealed"');
    const forged = [...lines];
    forged[index] = (lines[index] ?? "").replace('"statements":2', '"statements":0');
    for (let at = index + 1; at < forged.length; at++) {
      forged[at] = (forged[at] ?? "").replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${lineHash(forged[at - 1] ?? "")}"`);
    }
    made.setLines(forged);
    assert.equal(await logProblem(made), `changed: record 3 is not what the checkpoint in line ${index + 2} was signed over`);
  });

  test("signed by another key than the given one is found", async (t) => {
    const made = await archive(t);
    const publicKey = loadPublicKey(createSigningKey().publicKeyPem);
    const problems = await made.problems({ publicKey });
    assert.deepEqual(problems, [["log", "key"]]);
  });

  test("with an edited, foreign or absent checkpoint file is found", async (t) => {
    const [made, other] = [await archive(t), await archive(t)];
    const path = join(made.evidence, "checkpoint");
    const text = readFileSync(path, "utf8");
    for (const [changed, problem] of [
      [text.replace('"size":13', '"size":14'), "changed"],
      [text.replace('"size":13', '"size":12'), "changed"],
      [text.slice(0, 40), "changed"],
      ["", "changed"],
      [readFileSync(join(other.evidence, "checkpoint"), "utf8"), "changed"],
    ] as const) {
      writeFileSync(path, changed);
      assert.deepEqual(await made.problems(), [["log", problem]]);
    }
    rmSync(path);
    assert.deepEqual(await made.problems(), [["log", "missing"]]);
  });

  test("with a foreign file beside it is found", async (t) => {
    const made = await archive(t);
    writeFileSync(join(made.evidence, "log.jsonl.old"), "x");
    assert.deepEqual(await made.problems(), [["log", "unknown"]]);
  });

  test("with something behind its last checkpoint is found", async (t) => {
    const made = await archive(t);
    const lines = made.lines();
    made.setLines([...lines, lines[2] ?? ""]);
    assert.match(await logProblem(made), /inserted: .*unsigned: 1 lines and 0 bytes/);
    made.setLines([...lines, lines[3] ?? ""]);
    assert.match(await logProblem(made), /inserted: .* checkpoint of 2 records, behind record 12; unsigned: 1 lines and 0 bytes/);
    made.setLines(lines);
    appendFileSync(made.log, '{"seq":13');
    assert.match(await logProblem(made), /^unsigned: 0 lines and 9 bytes/);
  });

  test("holds nothing that was said in a session", async (t) => {
    const made = await archive(t);
    assert.ok(!readFileSync(made.log, "utf8").includes("canary"));
  });
});
