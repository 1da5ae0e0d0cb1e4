/**
 * Makes the test vectors of the three formats: `node test/vectors/generate.ts`. It follows docs/formats by itself and
 * uses nothing of src/, so that the vectors are a second reading of the specifications. Keys come from fixed words
 * and are for tests only. Sealed files differ at every run, since age picks new keys; all else is the same each time.
 */
import { createCipheriv, createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { bech32 } from "@scure/base";
import { Encrypter, identityToRecipient } from "age-encryption";

const ROOT = import.meta.dirname;
const AT = "2026-01-02T03:04:05.678Z";
const START = "0".repeat(64);

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest();
const hex = (data: string | Uint8Array) => sha256(data).toString("hex");
const secretOf = (words: string) => sha256(`sallyport test vectors, test only: ${words}`);

function put(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), data);
}

function signingKey(words: string): { key: KeyObject; pem: string } {
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), secretOf(words)]),
    format: "der",
    type: "pkcs8",
  });
  return { key, pem: createPublicKey(key).export({ format: "pem", type: "spki" }).toString() };
}

// ---- events -------------------------------------------------------------------------------------------------------

const judged = { verdict: "allow", rule: "access.rules[0]", reason: null, tables: ["public.users"] };

function bodies(session: string): readonly object[] {
  const principal = { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null };
  const columns = [
    { name: "name", masked: false },
    { name: "ssn", masked: true },
  ];
  return [
    { kind: "session-start", session, principal, target: "orders", protocol: "postgres", remote: "192.0.2.7:40001", label: "app", application: "psql", database: "orders", gateway: "sallyport 0.1.0" },
    { kind: "statement", sql: "SELECT name, ssn FROM users WHERE id = $1 -- \u00e4\u{1f511}", upstreamSql: null, parameters: ["7", null, { hex: "00ff" }], ...judged },
    { kind: "rows", statement: 1, columns, rows: [["Ada", "***"], ["control \u0007 \u009b", null]] },
    { kind: "result", statement: 1, tag: "SELECT 2", rows: 2, durationMs: 0.25, beyond: { rows: 1, bytes: 12, sha256: hex("beyond") } },
    { kind: "denied", statement: null, rule: null, reason: "access-not-granted", message: "agent-7 may not write to orders" },
    { kind: "session-end", status: "closed", reason: null },
  ];
}

/** JSON as recordings hold it: control characters beyond ASCII escaped too. */
const json = (value: unknown) => JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

function chain(events: readonly object[]): string[] {
  let prev = START;
  return events.map((body, seq) => {
    const line = json({ seq, prev, at: AT, sinceStartMs: seq + 0.125, ...body });
    prev = hex(line);
    return line;
  });
}

const text = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(""));
const head = (lines: readonly string[]) => hex(lines.at(-1) ?? "");

// ---- recordings ---------------------------------------------------------------------------------------------------

const identity = bech32.encodeFromBytes("AGE-SECRET-KEY-", secretOf("auditor")).toUpperCase();
const encrypter = new Encrypter();
encrypter.addRecipient(await identityToRecipient(identity));
const stranger = new Encrypter();
stranger.addRecipient(await identityToRecipient(bech32.encodeFromBytes("AGE-SECRET-KEY-", secretOf("stranger")).toUpperCase()));

async function recordings(): Promise<void> {
  const lines = chain(bodies("vector-01"));
  const whole = zstdCompressSync(text(lines));
  const frames = Buffer.concat([0, 2, 3].map((from, index) => zstdCompressSync(text(lines.slice(from, [2, 3, 6][index])))));
  const sealed = Buffer.from(await encrypter.encrypt(whole));
  const flipped = Buffer.from(sealed);
  flipped[sealed.length - 20] = (flipped[sealed.length - 20] ?? 0) ^ 1;
  const changed = lines.with(1, (lines[1] ?? "").replace("id = $1", "id = $2"));
  const good = { head: head(lines), events: 6 };
  const list: [string, Uint8Array, object, string][] = [
    ["good.jsonl.zst.age", sealed, good, "one frame, sealed to the test auditor"],
    ["good-frames.jsonl.zst.age", await encrypter.encrypt(frames), good, "three frames, sealed"],
    ["good-unencrypted.jsonl.zst", whole, good, "recipients: none"],
    ["broken-byte.jsonl.zst.age", flipped, { problem: "damaged", event: null }, "a byte of the sealed file changed"],
    ["broken-cut.jsonl.zst.age", sealed.subarray(0, -9), { problem: "damaged", event: null }, "the sealed file cut"],
    ["broken-stranger.jsonl.zst.age", await stranger.encrypt(whole), { problem: "no-identity", event: null }, "sealed to somebody else"],
    ["broken-frame.jsonl.zst", whole.subarray(0, -3), { problem: "damaged", event: null }, "the last frame cut"],
    ["broken-behind.jsonl.zst", Buffer.concat([whole, Buffer.from("more")]), { problem: "damaged", event: null }, "something behind the last frame"],
    ["broken-event-changed.jsonl.zst", zstdCompressSync(text(changed)), { problem: "chain-broken", event: 1 }, "event 1 changed"],
    ["broken-event-removed.jsonl.zst", zstdCompressSync(text(lines.toSpliced(2, 1))), { problem: "chain-broken", event: 2 }, "event 2 removed"],
    ["broken-event-repeated.jsonl.zst", zstdCompressSync(text(lines.toSpliced(3, 0, lines[2] ?? ""))), { problem: "chain-broken", event: 3 }, "event 2 twice"],
    ["broken-events-exchanged.jsonl.zst", zstdCompressSync(text(lines.with(2, lines[3] ?? "").with(3, lines[2] ?? ""))), { problem: "chain-broken", event: 2 }, "events 2 and 3 exchanged"],
    ["broken-tail-removed.jsonl.zst", zstdCompressSync(text(lines.slice(0, -1))), { problem: "incomplete", event: 5 }, "the session's end removed"],
    ["broken-behind-end.jsonl.zst", zstdCompressSync(text([...lines, json({ seq: 6, prev: head(lines), at: AT, sinceStartMs: 7, kind: "notice", fields: {} })])), { problem: "chain-broken", event: 6 }, "an event behind the session's end"],
    ["broken-no-newline.jsonl.zst", zstdCompressSync(text(lines).subarray(0, -1)), { problem: "damaged", event: null }, "the last line without its newline"],
    ["broken-kind.jsonl.zst", zstdCompressSync(text(chain([...bodies("vector-01").slice(0, 1), { kind: "unheard-of" }]))), { problem: "chain-broken", event: 1 }, "a kind that the specification does not have"],
  ];
  for (const [name, bytes] of list) put(`recordings/${name}`, bytes);
  put("recordings.json", `${JSON.stringify(list.map(([file, , expect, what]) => ({ file, what, expect })), null, 2)}\n`);
}

// ---- journals -----------------------------------------------------------------------------------------------------

/** A journal with the lines in blocks of these sizes. */
function journal(session: string, lines: readonly string[], blocks: readonly number[], key: Uint8Array): Buffer {
  const derived = Buffer.from(hkdfSync("sha256", key, "", "sallyport-journal v1", 64));
  const cipher = createCipheriv("aes-256-ctr", derived.subarray(0, 32), Buffer.alloc(16));
  const parts = [Buffer.from(`sallyport-journal v1 ${session}\n`)];
  let from = 0;
  for (const count of blocks) {
    const plain = text(lines.slice(from, from + count));
    from += count;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(plain.length);
    const padding = (16 - (plain.length % 16)) % 16;
    const encrypted = cipher.update(Buffer.concat([plain, Buffer.alloc(padding)])).subarray(0, plain.length);
    const tag = sha256(Buffer.concat([derived.subarray(32), Buffer.alloc(32), Buffer.from(hex(lines[from - 1] ?? ""))]));
    parts.push(length, encrypted, tag);
  }
  return Buffer.concat(parts);
}

function journals(): void {
  const session = "vector-01";
  const lines = chain(bodies(session));
  const key = secretOf("journal");
  const whole = journal(session, lines, [1, 3, 2], key);
  const header = whole.indexOf("\n") + 1;
  const blocks = [1, 4, 6];
  const first = header + 4 + text(lines.slice(0, 1)).length + 32;
  const flipped = Buffer.from(whole);
  flipped[first + 100] = (flipped[first + 100] ?? 0) ^ 0x10;
  const badChain = lines.with(2, lines[2]?.replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${START}"`) ?? "");
  const huge = Buffer.concat([whole.subarray(0, header), Buffer.from("7fffffff", "hex"), whole.subarray(header + 4)]);
  const list: [string, Uint8Array, Uint8Array, object, string][] = [
    ["good", whole, key, { events: 6, head: head(lines), tornBytes: 0 }, "three blocks"],
    ["good-empty", whole.subarray(0, header), key, { events: 0, head: START, tornBytes: 0 }, "a header alone"],
    ["torn-header", whole.subarray(0, header - 3), key, { events: 0, head: START, tornBytes: header - 3 }, "the header cut: nothing was written"],
    ["torn-tail", whole.subarray(0, -5), key, { events: blocks[1], head: hex(lines[3] ?? ""), tornBytes: text(lines.slice(4)).length + 31 }, "the last block cut"],
    ["torn-byte", flipped, key, { events: 1, head: hex(lines[0] ?? ""), tornBytes: whole.length - first }, "a byte of the second block changed"],
    ["torn-length", huge, key, { events: 0, head: START, tornBytes: whole.length - header }, "a length that no block can have"],
    ["torn-chain", journal(session, badChain, [1, 3, 2], key), key, { events: 1, head: hex(lines[0] ?? ""), tornBytes: whole.length - first }, "a line with another hash of the one before"],
    ["other-key", whole, secretOf("another journal"), { events: 0, head: START, tornBytes: whole.length - header }, "the key of another journal"],
    ["broken-key", whole, key.subarray(1), { problem: "key-damaged" }, "a key of 31 bytes"],
    ["broken-header", journal("vector-02", lines, [6], key), key, { problem: "not-a-journal" }, "another session's header"],
  ];
  for (const [name, bytes, keyBytes] of list) {
    put(`journals/${name}/${session}.journal`, bytes);
    put(`journals/${name}/${session}.key`, keyBytes);
  }
  put("journals.json", `${JSON.stringify(list.map(([folder, , , expect, what]) => ({ folder, what, expect })), null, 2)}\n`);
}

// ---- archives -----------------------------------------------------------------------------------------------------

const SESSIONS = ["vector-01", "vector-02", "vector-03"];

interface Archive {
  readonly files: Map<string, Uint8Array>;
  lines: string[];
  checkpoint: string;
}

/** Batches of records as the log holds them, each closed by a checkpoint. */
function evidenceLines(batches: readonly (readonly object[])[], key: KeyObject, log: string): string[] {
  const lines: string[] = [];
  let seq = 0;
  for (const batch of batches) {
    for (const record of batch) lines.push(json({ seq: seq++, prev: lines.length === 0 ? START : hex(lines.at(-1) ?? ""), at: AT, record }));
    const top = hex(lines.at(-1) ?? "");
    const signature = sign(null, Buffer.from(`sallyport-evidence-checkpoint v1\n${log}\n${seq}\n${top}\n${AT}\n`), key).toString("base64");
    lines.push(json({ checkpoint: { log, size: seq, head: top, at: AT, signature } }));
  }
  return lines;
}

async function archive(words = "evidence", pemOf = words): Promise<Archive> {
  const { key } = signingKey(words);
  const log = secretOf("log").toString("hex").slice(0, 32);
  const files = new Map<string, Uint8Array>();
  const batches: object[][] = [[{ type: "log-opened", log, publicKey: signingKey(pemOf).pem }]];
  for (const id of SESSIONS) {
    const lines = chain(bodies(id));
    const sealed = await encrypter.encrypt(zstdCompressSync(text(lines)));
    const file = `2026/01/02/${id}.jsonl.zst.age`;
    files.set(file, sealed);
    const counts = { statements: 1, rows: 2, maskedCells: 2, denied: 1, bytes: 40 };
    const principal = { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null };
    const session = { id, startedAt: AT, endedAt: AT, principal, target: "orders", protocol: "postgres", remote: "192.0.2.7:40001", label: "app", ...counts, status: "closed" };
    const zero = { statements: 0, rows: 0, maskedCells: 0, denied: 0, bytes: 0 };
    const tls = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", group: "X25519MLKEM768", groupDerived: true, signatureAlgorithm: null, alpn: "postgresql", sni: "gateway.example", resumed: false, offeredVersions: ["TLSv1.3", "TLSv1.2"], peer: [] };
    const handshake = { at: AT, sessionId: id, leg: "client", protocol: "postgres", negotiation: "direct", remote: "192.0.2.7:40001", target: "orders", outcome: "ok", reason: null, detail: null, durationMs: 3.5, tls, verified: "none", pinned: null, revocation: "not-checked", ownCertificate: hex("certificate"), policy: "minVersion=TLSv1.2" };
    batches.push(
      [{ type: "handshake", handshake }],
      [{ type: "session-opened", session: { ...session, endedAt: null, ...zero, status: "open" } }],
      [{ type: "session-sealed", session, recording: { sessionId: id, file, sha256: hex(sealed), bytes: sealed.length, head: head(lines), events: lines.length } }],
    );
  }
  // The last two records in one batch, so that exchanging lines inside a batch can be shown.
  const last = batches.splice(-2).flat();
  const lines = evidenceLines([...batches, last], key, log);
  return { files, lines, checkpoint: lines.at(-1) ?? "" };
}

const pathOf = (id: string) => `2026/01/02/${id}.jsonl.zst.age`;
const bytesOf = (made: Archive, id: string) => Buffer.from(made.files.get(pathOf(id)) ?? Buffer.alloc(0));
const lineWith = (made: Archive, part: string) => made.lines.findIndex((line) => line.includes(part));

type Change = (made: Archive) => void;

/** What is done to a good archive, and who must be found: recordings by their ids, the log as `log`. */
const CHANGES: readonly (readonly [string, string, Readonly<Record<string, string>>, Change])[] = [
  ["good", "nothing", {}, () => undefined],
  ["recording-byte", "a byte of a recording changed", { "vector-02": "changed" }, (made) => {
    const bytes = bytesOf(made, "vector-02");
    bytes[300] = (bytes[300] ?? 0) ^ 1;
    made.files.set(pathOf("vector-02"), bytes);
  }],
  ["recording-cut", "the tail of a recording cut", { "vector-02": "cut" }, (made) => {
    made.files.set(pathOf("vector-02"), bytesOf(made, "vector-02").subarray(0, -1));
  }],
  ["recordings-exchanged", "two recordings changed places", { "vector-01": "exchanged", "vector-02": "exchanged" }, (made) => {
    const [one, two] = [bytesOf(made, "vector-01"), bytesOf(made, "vector-02")];
    made.files.set(pathOf("vector-01"), two).set(pathOf("vector-02"), one);
  }],
  ["recording-renamed", "a recording under another session's name", { "vector-02": "missing", "vector-09": "renamed" }, (made) => {
    made.files.set(pathOf("vector-09"), bytesOf(made, "vector-02")).delete(pathOf("vector-02"));
  }],
  ["recording-missing", "a recording deleted", { "vector-02": "missing" }, (made) => void made.files.delete(pathOf("vector-02"))],
  ["recording-duplicated", "a recording there twice", { "vector-02": "duplicated" }, (made) => {
    made.files.set("vector-02.jsonl.zst.age", bytesOf(made, "vector-02"));
  }],
  ["recording-unknown", "a recording that nobody made", { "vector-09": "unknown" }, (made) => {
    made.files.set(pathOf("vector-09"), Buffer.from("age-encryption.org/v1\nnone\n"));
  }],
  ["record-changed", "a record changed", { log: "changed" }, (made) => {
    const at = lineWith(made, '"type":"handshake"');
    made.lines[at] = (made.lines[at] ?? "").replace("TLSv1.3", "TLSv1.2");
  }],
  ["record-missing", "a record and its checkpoint removed", { log: "missing" }, (made) => void made.lines.splice(lineWith(made, '"type":"session-opened"'), 2)],
  ["records-exchanged", "two records of a batch exchanged", { log: "reordered" }, (made) => {
    const at = made.lines.length - 3;
    made.lines.splice(at, 2, made.lines[at + 1] ?? "", made.lines[at] ?? "");
  }],
  ["record-inserted", "a record written twice", { log: "inserted" }, (made) => {
    const at = lineWith(made, '"type":"handshake"');
    made.lines.splice(at + 2, 0, made.lines[at] ?? "");
  }],
  ["log-rewritten", "a record changed, and every hash behind it made anew", { log: "changed" }, (made) => {
    const at = lineWith(made, '"type":"session-sealed"');
    made.lines[at] = (made.lines[at] ?? "").replace('"denied":1', '"denied":0');
    for (let next = at + 1; next < made.lines.length; next++) {
      made.lines[next] = (made.lines[next] ?? "").replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${hex(made.lines[next - 1] ?? "")}"`);
    }
  }],
  ["log-cut", "the log cut after an older checkpoint", { log: "cut", "vector-03": "unknown" }, (made) => void made.lines.splice(-5)],
  ["log-unsigned", "a record appended without a checkpoint", { log: "unsigned" }, (made) => {
    const seq = 10;
    made.lines.push(json({ seq, prev: hex(made.lines.at(-1) ?? ""), at: AT, record: { type: "session-lost", sessionId: "vector-03", reason: "a forged record" } }));
  }],
  ["checkpoint-edited", "the size in the checkpoint file edited", { log: "changed" }, (made) => {
    made.checkpoint = made.checkpoint.replace('"size":10', '"size":9');
  }],
];

async function archives(): Promise<void> {
  const list: object[] = [];
  const write = (name: string, made: Archive, what: string, expect: Readonly<Record<string, string>>) => {
    for (const [file, bytes] of made.files) put(`archives/${name}/recordings/${file}`, bytes);
    put(`archives/${name}/evidence/log.jsonl`, text(made.lines));
    put(`archives/${name}/evidence/checkpoint`, `${made.checkpoint}\n`);
    list.push({ folder: name, what, expect });
  };
  for (const [name, what, expect, change] of CHANGES) {
    const made = await archive();
    change(made);
    write(name, made, what, expect);
  }
  write("other-key", await archive("another evidence key"), "signed by another key than it names", { log: "key" });
  put("archives.json", `${JSON.stringify(list, null, 2)}\n`);
}

for (const made of ["recordings", "journals", "archives"]) rmSync(join(ROOT, made), { recursive: true, force: true });
put("test-only-identity.txt", `# For tests only: made from fixed words that everybody can read.\n${identity}\n`);
put("test-only-evidence.pub.pem", signingKey("evidence").pem);
await recordings();
journals();
await archives();
