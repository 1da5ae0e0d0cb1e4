/** The auditors' commands on a store that the real recorder wrote: what they list, show and find, and their exit codes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { handshake, makeStore, maskedSelect, type Store } from "#test/src/cli/store.ts";
import { runCommand } from "#test/src/cli/terminal.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { ROOT } from "#test/support/tree.ts";

const FIRST = "01aaaaaa-first";
const SECOND = "01aaaaaa-second";
const EVIL = "01bbbbbb-evil";
const OPEN = "01cccccc-open";
const NOON = Date.UTC(2026, 0, 31, 12);
const EVIL_SQL = "select '\u001b]52;c;eA==\u0007\u202e' from users";
/** What a terminal could act on. */
const STEERING = /[^\n\P{Cc}]|\p{Cf}/u;
let store: Store;

before(async () => {
  store = await makeStore(
    [
      { id: FIRST, startedMs: NOON, principal: "report-agent", events: maskedSelect(FIRST, "report-agent", "select id, ssn from users") },
      { id: SECOND, startedMs: NOON + 60_000, principal: "support-agent", events: maskedSelect(SECOND, "support-agent", "select 2") },
      { id: EVIL, startedMs: NOON + 120_000, principal: "report-agent", events: maskedSelect(EVIL, "report-agent", EVIL_SQL) },
      { id: OPEN, startedMs: NOON + 180_000, principal: "report-agent", events: [], sealed: false },
    ],
    [
      handshake("2026-01-31T12:00:00.000Z", { sessionId: FIRST, target: "shop" }),
      handshake("2026-01-31T12:05:00.000Z", {
        outcome: "refused",
        reason: "cleartext",
        negotiation: "cleartext",
        tls: null,
        verified: null,
      }),
    ],
  );
});

after(() => store.remove());

const folders = (at: Store = store): string[] => ["--recordings", at.recordings, "--evidence", at.evidence];
const key = (): string[] => ["--public-key", store.publicKey];
const identity = (): string[] => ["--identity", store.identity];

describe("sessions", () => {
  test("lists every session, oldest first, open ones too, with every key", async () => {
    const { code, objects } = await runCommand(["sessions", ...folders(), "--json"]);
    assert.equal(code, 0);
    const listed = objects();
    assert.deepEqual(
      listed.map((session) => [session["id"], session["status"]]),
      [
        [FIRST, "closed"],
        [SECOND, "closed"],
        [EVIL, "closed"],
        [OPEN, "open"],
      ],
    );
    const keys = "id startedAt endedAt principal target protocol remote label statements rows maskedCells denied bytes status".split(" ");
    for (const session of listed) for (const name of keys) assert.ok(name in session, name);
    assert.equal(listed[3]?.["endedAt"], null);
  });

  test("filters by time and principal", async () => {
    const args = ["--principal", "report-agent", "--since", "2026-01-31T12:01:00Z", "--until", "2026-01-31T12:02:30Z", "--json"];
    const { objects } = await runCommand(["sessions", ...folders(), ...args]);
    assert.deepEqual(
      objects().map((session) => session["id"]),
      [EVIL],
    );
  });

  test("is a table for people", async () => {
    const { out, code } = await runCommand(["sessions", ...folders(), "--principal", "support-agent"]);
    assert.equal(code, 0);
    const [head, , row, ...more] = out.trimEnd().split("\n");
    assert.match(head ?? "", /^session +started +lasted +principal/);
    assert.match(row ?? "", /^01aaaaaa-second +2026-01-31 12:01:00Z +1\.5 s +support-agent +shop +support-agent +1 +2 +2 +0 +closed$/);
    assert.deepEqual(more, []);
  });
});

describe("replay", () => {
  test("prints the timeline at once where there is no terminal", async () => {
    const { code, out, err } = await runCommand(["replay", FIRST, ...folders(), ...identity()]);
    assert.equal(err, "");
    assert.equal(code, 0);
    assert.match(out, /● start .*\n +report-agent \(groups data-agents/);
    assert.match(out, / {12}id {2}ssn ▒\n {12}── {2}─────\n {12}1 {3}▒ \*\*\*\n {12}2 {3}▒ \*\*\*\n/);
    assert.match(out, /■ end {2}closed/);
    assert.doesNotMatch(out, STEERING);
  });

  test("as JSON gives every event as it was recorded, one a line", async () => {
    const { objects, out } = await runCommand(["replay", EVIL, ...folders(), ...identity(), "--json"]);
    assert.deepEqual(
      objects().map((event) => event["kind"]),
      ["session-start", "statement", "rows", "result", "session-end"],
    );
    assert.equal(objects()[1]?.["sql"], EVIL_SQL);
    assert.doesNotMatch(out, STEERING);
  });

  test("shows what would steer the terminal as escapes", async () => {
    const { out } = await runCommand(["replay", EVIL, ...folders(), ...identity()], { env: { NO_COLOR: "1" } });
    assert.match(out, /select '\\x1b\]52;c;eA==\\x07\\u\{202e\}' from users/);
    assert.doesNotMatch(out, STEERING);
  });

  test("on a terminal plays, steps and quits by keys, and leaves the terminal as it was", async () => {
    const watched = await runCommand(["replay", FIRST, ...folders(), ...identity(), "--speed", "1000"], { columns: 100 });
    assert.equal(watched.code, 0);
    assert.match(watched.out, /■.*end/);
    const quit = await runCommand(["replay", FIRST, ...folders(), ...identity(), "--speed", "0.01"], {
      columns: 100,
      keys: [" ", "n", "q"],
    });
    assert.equal(quit.code, 0);
    assert.doesNotMatch(quit.out, /■.*end/);
    assert.match(quit.out, /paused/);
  });

  const refused: readonly (readonly [what: string, args: () => string[], code: number, failure: string])[] = [
    ["without an identity", () => [FIRST, ...folders(), "--json"], 2, "identity-missing"],
    ["for a session that nobody had", () => ["01zzzzzz", ...folders(), ...identity(), "--json"], 1, "session-unknown"],
    ["for a session that still runs", () => [OPEN, ...folders(), ...identity(), "--json"], 1, "session-unknown"],
    ["for the beginning of two ids", () => ["01aaaaaa", ...folders(), ...identity(), "--json"], 2, "session-ambiguous"],
    ["with a file that is no identity", () => [FIRST, ...folders(), "--identity", store.publicKey, "--json"], 2, "source-missing"],
  ];
  for (const [what, args, code, failure] of refused) {
    test(`fails ${what}, and says so as JSON`, async () => {
      const ran = await runCommand(["replay", ...args()]);
      assert.equal(ran.code, code);
      assert.equal(ran.out, "");
      assert.equal(JSON.parse(ran.err).error.code, failure);
    });
  }
});

describe("handshakes", () => {
  test("as JSON has every key, refused attempts too", async () => {
    const { objects, code } = await runCommand(["handshakes", "--evidence", store.evidence, "--json"]);
    assert.equal(code, 0);
    const keys = "at sessionId leg protocol remote outcome reason tls verified pinned policy".split(" ");
    for (const listed of objects()) for (const name of keys) assert.ok(name in listed, name);
    assert.deepEqual(
      objects().map((listed) => [listed["outcome"], listed["reason"]]),
      [
        ["ok", null],
        ["refused", "cleartext"],
      ],
    );
  });

  test("for people is a table with counts", async () => {
    const { out } = await runCommand(["handshakes", "--evidence", store.evidence]);
    assert.match(out, /client +127\.0\.0\.1:50000 +ok +TLSv1\.3 +TLS_AES_256_GCM_SHA384 +X25519/);
    assert.match(out, /\n +1 {2}client {2}ok {2}TLSv1\.3\n +1 {2}client {2}refused {2}cleartext\n$/);
  });
});

describe("verify", () => {
  test("finds nothing wrong where nothing is, and needs no identity", async () => {
    const { code, objects } = await runCommand(["verify", ...folders(), ...key(), "--json"]);
    assert.equal(code, 0);
    const verdicts = objects();
    assert.deepEqual(
      verdicts
        .slice(0, -1)
        .map((verdict) => [verdict["id"], verdict["ok"], verdict["problem"]])
        .sort(),
      [
        [FIRST, true, null],
        [SECOND, true, null],
        [EVIL, true, null],
      ],
    );
    const log = verdicts.at(-1);
    assert.equal(log?.["ok"], true);
    assert.ok(log !== undefined && "checkpoint" in log && "size" in log);
  });

  test("says so to people, one line a recording and a summary", async () => {
    const { code, out } = await runCommand(["verify", ...folders(), ...key(), ...identity()]);
    assert.equal(code, 0);
    assert.match(out, /^ok {4}01aaaaaa-first$/m);
    assert.match(out, /^verified {2}3 recordings and the evidence log are as they were written/m);
  });

  test("of one session judges that one", async () => {
    const { code, objects } = await runCommand(["verify", FIRST, ...folders(), ...key(), "--json"]);
    assert.equal(code, 0);
    assert.deepEqual(
      objects().map((verdict) => verdict["id"]),
      [FIRST, undefined],
    );
    const unknown = await runCommand(["verify", "01zzzzzz", ...folders(), ...key(), "--json"]);
    assert.notEqual(unknown.code, 0);
  });

  /** Does something to a copy of the store and verifies the copy. */
  async function afterTampering(tamper: (copy: { recordings: string; evidence: string; file: (id: string) => string }) => void) {
    const folder = await scratchFolder("tampered");
    try {
      cpSync(store.recordings, join(folder, "recordings"), { recursive: true });
      cpSync(store.evidence, join(folder, "evidence"), { recursive: true });
      const [recordings, evidence] = [join(folder, "recordings"), join(folder, "evidence")];
      tamper({ recordings, evidence, file: (id) => join(recordings, store.files.get(id) ?? "") });
      return await runCommand(["verify", "--recordings", recordings, "--evidence", evidence, ...key()]);
    } finally {
      await removeFolder(folder);
    }
  }

  const flip = (path: string, offset: number): void => {
    const bytes = readFileSync(path);
    bytes[offset < 0 ? bytes.length + offset : offset] = (bytes.at(offset) ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };
  const log = (evidence: string): string => join(evidence, "log.jsonl");

  const tamperings: readonly (readonly [what: string, named: string, tamper: Parameters<typeof afterTampering>[0]])[] = [
    ["a flipped byte in a recording", FIRST, ({ file }) => flip(file(FIRST), 400)],
    ["a recording cut at its end", SECOND, ({ file }) => writeFileSync(file(SECOND), readFileSync(file(SECOND)).subarray(0, -10))],
    ["a removed recording", EVIL, ({ file }) => rmSync(file(EVIL))],
    ["a recording in another's place", FIRST, ({ file }) => cpSync(file(SECOND), file(FIRST))],
    ["a renamed recording", FIRST, ({ file }) => renameSync(file(FIRST), file(FIRST).replace(FIRST, "01ffffff-other"))],
    [
      "a changed record",
      "log",
      ({ evidence }) => writeFileSync(log(evidence), readFileSync(log(evidence), "utf8").replace("support-agent", "support-agenT")),
    ],
    [
      "a removed record",
      "log",
      ({ evidence }) => writeFileSync(log(evidence), readFileSync(log(evidence), "utf8").replace(/^[^\n]*cleartext[^\n]*\n/m, "")),
    ],
    ["a log cut at its end", "log", ({ evidence }) => writeFileSync(log(evidence), readFileSync(log(evidence)).subarray(0, -900))],
  ];
  for (const [what, named, tamper] of tamperings) {
    test(`finds ${what}, names it and exits 3`, async () => {
      const { code, out } = await afterTampering(tamper);
      assert.equal(code, 3);
      assert.match(out, new RegExp(`^FAIL {2}.*${named}`, "m"));
      assert.match(out, /^TAMPERED/m);
    });
  }

  test("with another key trusts nothing", async () => {
    const other = await makeStore([]);
    try {
      const { code } = await runCommand(["verify", ...folders(), "--public-key", other.publicKey]);
      assert.equal(code, 3);
    } finally {
      await other.remove();
    }
  });
});

describe("a reader that has seen enough", () => {
  test("is no error", () => {
    const main = join(ROOT, "src", "main.ts");
    const command = `"$1" "$2" sessions --evidence "$3" --json | head -c 10; echo " \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command, "bash", process.execPath, main, store.evidence], { encoding: "utf8" });
    assert.equal(stdout, '{"id":"01a 0\n');
    assert.equal(stderr, "");
  });
});

describe("where to read", () => {
  test("an auditor must name what a command needs", async () => {
    const { code, err } = await runCommand(["verify", "--recordings", store.recordings, "--evidence", store.evidence, "--json"]);
    assert.equal(code, 2);
    assert.equal(JSON.parse(err).error.code, "source-missing");
  });

  test("without folders the configuration is read, and its absence is said with a way on", async () => {
    const { code, err } = await runCommand(["sessions", "--config", "nowhere.yaml"], { cwd: store.folder });
    assert.equal(code, 2);
    assert.match(err, /nowhere\.yaml can't be read\n.*--recordings DIR --evidence DIR/s);
  });

  test("a configuration gives the folders, and needs no secret to do so", async () => {
    const config = join(store.folder, "sallyport.yaml");
    writeFileSync(
      config,
      "recording: { directory: recordings }\nevidence: { directory: evidence, signingKey: none.key }\nstate: { sqlite: state/state.db }\ntargets: { x: { credential: { password: { env: NOT_SET } } } }\n",
    );
    const { code, objects } = await runCommand(["sessions", "--config", config, "--json"]);
    assert.equal(code, 0);
    assert.equal(objects().length, 4);
  });
});
