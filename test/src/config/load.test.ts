/** sallyport.yaml: what a good one becomes, and that everything wrong with a bad one is listed at once, with its place. */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import type { Config, DatabaseTarget, LoadResult, Problem } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { lifetime } from "#test/support/certificates.ts";
import { type Folder, makeFolder, told } from "./folder.ts";

const NO_LIMITS = {
  statementTimeoutMs: null,
  rowsPerStatement: null,
  rowsPerSession: null,
  bytesPerSession: null,
  statementsPerSession: null,
  idleMs: null,
};

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

function configOf(result: LoadResult): Config {
  assert.ok(result.kind === "loaded", inspect(result, { depth: 5 }));
  return result.config;
}

function problemsOf(result: LoadResult): readonly Problem[] {
  assert.ok(result.kind === "refused", "the configuration must be refused");
  return result.problems;
}

async function refused(parts: Readonly<Record<string, string | null>>): Promise<readonly string[]> {
  return told(problemsOf(await folder.load(folder.yaml(parts))));
}

function databaseOf(config: Config, name: string): DatabaseTarget {
  const target = config.targets.get(name);
  assert.ok(target !== undefined && target.protocol !== "http", `${name} is no database`);
  return target;
}

describe("a good configuration", () => {
  test("in its shortest form has the documented defaults", async () => {
    const config = configOf(await folder.load(folder.yaml()));
    assert.deepEqual(config.listen, { postgres: { host: "127.0.0.1", port: 0 }, mysql: null, https: null, http: null, admin: null });
    assert.equal(config.workers, availableParallelism());
    assert.equal(config.tls.minVersion, "TLSv1.2");
    assert.deepEqual(config.tls.cipherSuites, []);
    assert.deepEqual(config.tls.clientCertificates, { mode: "none" });
    assert.deepEqual(config.identity, {
      oidc: [
        {
          ...{ issuer: "https://idp.example.com", audience: "sallyport", ca: null },
          ...{ claims: { name: "sub", groups: "groups" }, clientCredentials: false },
        },
      ],
      certificates: null,
    });
    const orders = databaseOf(config, "orders");
    assert.deepEqual(orders?.databases, ["orders"]);
    assert.deepEqual(orders?.tls, { ca: null, serverName: "db.internal", pins: [], certificate: null, minVersion: "TLSv1.2" });
    assert.deepEqual(orders?.limits, { ...NO_LIMITS, sessionMs: 28_800_000 });
    assert.equal(orders?.credential.allowWeak, false);
    assert.equal(orders?.credential.password?.expose(), "a-password");
    assert.deepEqual(config.recording, {
      ...{ directory: join(folder.path, "recordings"), recipients: [folder.recipient] },
      results: { rowsPerStatement: 1000, bytesPerStatement: 1_048_576 },
    });
    assert.equal(config.evidence.directory, join(folder.path, "evidence"));
    assert.equal(config.state.sqlite, join(folder.path, "state.db"));
    assert.deepEqual(config.policy.masking, { rules: [] });
  });

  test("in full is taken apart and its files are read", async () => {
    folder.write("secrets/password", "s3cret with blanks \n");
    const pins = ["one", "two", "three"].map((key) => createHash("sha256").update(key).digest());
    const [hex, base64, prefixed] = [pins[0]?.toString("hex"), pins[1]?.toString("base64"), `sha256/${pins[2]?.toString("base64")}`];
    const config = configOf(
      await folder.load(
        folder.yaml({
          listen: "{ postgres: '[::1]:5432', admin: localhost:9464 }",
          workers: "3",
          tls: `
  certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }]
  minVersion: TLSv1.3
  cipherSuites: [TLS_AES_256_GCM_SHA384]
  clientCertificates: { mode: optional, ca: certs/ca.crt }`,
          identity: `
  oidc: [{ issuer: https://idp.example.com, audience: a, ca: certs/ca.crt, claims: { name: email, groups: roles }, clientCredentials: true }]
  certificates: { name: san-uri, groups: ou }
  saml: []`,
          targets: `
  orders:
    protocol: postgres
    address: "[2001:db8::1]:5432"
    database: [orders, reporting]
    tls: { ca: certs/ca.crt, serverName: db.internal, pins: [${hex}, ${base64}, "${prefixed}"], cert: certs/gateway.crt, key: certs/gateway.key }
    credential: { user: app, password: { file: secrets/password }, allowWeak: true }
    limits: { statementTimeout: 30s, rowsPerStatement: 100000, rowsPerSession: 1000000, bytesPerSession: 2TiB, statementsPerSession: 5000, idle: 10m, session: 2h }`,
          recording: `{ directory: /var/lib/sallyport/recordings, recipients: [${folder.recipient}], results: { rowsPerStatement: 0, bytesPerStatement: 64KiB } }`,
        }),
      ),
    );
    assert.deepEqual(config.listen, {
      postgres: { host: "::1", port: 5432 },
      mysql: null,
      https: null,
      http: null,
      admin: { host: "localhost", port: 9464 },
    });
    assert.equal(config.workers, 3);
    assert.ok(config.tls.clientCertificates.mode === "optional" && config.tls.clientCertificates.ca === folder.authority.ca);
    assert.deepEqual(config.identity.certificates, { name: "san-uri", groups: "ou" });
    assert.equal(config.identity.oidc[0]?.ca, folder.authority.ca);
    const orders = databaseOf(config, "orders");
    assert.deepEqual(orders?.address, { host: "2001:db8::1", port: 5432 });
    assert.deepEqual(orders?.databases, ["orders", "reporting"]);
    assert.deepEqual(
      orders?.tls.pins,
      pins.map((one) => one.toString("hex")),
    );
    assert.equal(orders?.tls.certificate?.cert, config.tls.certificates[0].cert);
    assert.equal(orders?.credential.password?.expose(), "s3cret with blanks ", "one line end is not part of a secret");
    assert.deepEqual(orders?.limits, {
      statementTimeoutMs: 30_000,
      rowsPerStatement: 100_000,
      rowsPerSession: 1_000_000,
      bytesPerSession: 2 * 2 ** 40,
      statementsPerSession: 5_000,
      idleMs: 600_000,
      sessionMs: 7_200_000,
    });
    assert.equal(config.recording.directory, "/var/lib/sallyport/recordings");
    assert.deepEqual(config.recording.results, { rowsPerStatement: 0, bytesPerStatement: 65_536 });
    assert.deepEqual(config.files.map((file) => file.slice(folder.path.length + 1)).sort(), [
      "certs/ca.crt",
      "certs/gateway.crt",
      "certs/gateway.key",
      "keys/evidence.key",
      "sallyport.yaml",
      "secrets/password",
    ]);
  });

  test("has a version that follows the file and the certificates, and no secret", async () => {
    const version = async (env?: Record<string, string>) => configOf(await folder.load(folder.yaml(), env)).version;
    const before = await version();
    assert.equal(await version(), before);
    assert.equal(await version({ ORDERS_PASSWORD: "another" }), before);
    folder.write("certs/renewed.crt", folder.authority.ca);
    const idp = (ca: string) => `{ oidc: [{ issuer: https://idp.example.com, audience: sallyport, ca: ${ca} }] }`;
    const withCa = configOf(await folder.load(folder.yaml({ identity: idp("certs/renewed.crt") }))).version;
    assert.notEqual(withCa, before);
    folder.write("certs/renewed.crt", (await folder.authority.server(["x"])).cert);
    assert.notEqual(configOf(await folder.load(folder.yaml({ identity: idp("certs/renewed.crt") }))).version, withCa);
  });

  test("shows no secret when it is printed", async () => {
    const config = configOf(await folder.load(folder.yaml()));
    const shown = `${inspect(config, { depth: 10 })}${JSON.stringify([...config.targets.values()])}${JSON.stringify(config)}`;
    for (const secret of ["a-password", "PRIVATE KEY"]) assert.ok(!shown.includes(secret), secret);
  });
});

describe("problems", () => {
  test("are all listed at once, in the order of the file, each with line, column and path", async () => {
    const problems = problemsOf(
      await folder.load(
        [
          "listen:",
          "  postgres: 127.0.0.1",
          "  http2: x",
          "tls:",
          "  certificates:",
          "    - { cert: certs/missing.crt, key: certs/gateway.key }",
          "identity:",
          "  oidc:",
          "    - issuer: http://idp.example.com",
          "      audience:",
          "targets:",
          "  orders:",
          "    protocol: postgres",
          "    address: db:5432",
          "    credential: { user: app, password: { env: NOT_SET } }",
          "access:",
          "  rules:",
          "    - who: { groups: [a] }",
          "      targets: [orders, ordres]",
          "      may: [read]",
          "recording: {}",
          "evidence: { signingKey: keys/evidence.key }",
        ].join("\n"),
      ),
    );
    assert.deepEqual(
      problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`),
      [
        "2:13 listen.postgres: expected host:port, an IPv6 host in brackets as in [::1]:5432",
        "3:3 listen.http2: unknown key",
        "6:15 tls.certificates.0.cert: certs/missing.crt does not exist",
        "9:15 identity.oidc.0.issuer: expected an https address without query or fragment, exactly as in the tokens' iss",
        "10:7 identity.oidc.0.audience: expected text",
        "15:40 targets.orders.credential.password: the environment variable NOT_SET is not set",
        '19:25 access.rules.0.targets.1: there is no target "ordres"',
        "21:1 recording.recipients: is missing; expected a list of age public keys (age1…), or none, which leaves recordings unencrypted",
      ],
    );
    assert.ok(problems.every(({ level }) => level === "error"));
  });

  test("missing parts and unknown ones", async () => {
    assert.deepEqual(await refused({ tls: null, evidence: null }), ["tls: is missing", "evidence: is missing"]);
    assert.deepEqual(await refused({ targts: "{}" }), ["targts: unknown key"]);
    assert.deepEqual(await refused({ listen: "{ admin: 127.0.0.1:0 }" }), [
      "listen: no listener: expected postgres: host:port, mysql: host:port or https: host:port",
    ]);
  });

  for (const [what, parts, message] of [
    [
      "minVersion",
      { tls: "{ certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }], minVersion: TLSv1.1 }" },
      /TLSv1.2 or TLSv1.3/,
    ],
    [
      "a suite without forward secrecy",
      { tls: "{ certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }], cipherSuites: [AES128-SHA] }" },
      /expected one of/,
    ],
    [
      "suites that fit no version",
      {
        tls: "{ certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }], minVersion: TLSv1.3, cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256] }",
      },
      /TLS 1.3/,
    ],
    ["no certificate", { tls: "{ certificates: [] }" }, /at least one/],
    [
      "client certificates without an authority",
      { tls: "{ certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }], clientCertificates: { mode: required } }" },
      /clientCertificates.ca: is missing/,
    ],
    ["workers", { workers: "0" }, /expected at least 1/],
    ["a port above all ports", { listen: "{ postgres: 127.0.0.1:70000 }" }, /port must be/],
    ["two listeners on one address", { listen: "{ postgres: 127.0.0.1:5432, admin: 127.0.0.1:5432 }" }, /address of listen.postgres too/],
    ["nobody who could log in", { identity: "{ certificates: { name: san-uri } }" }, /nobody can log in/],
    [
      "the same issuer twice",
      { identity: "{ oidc: [{ issuer: https://a, audience: x }, { issuer: https://a, audience: y }] }" },
      /listed twice/,
    ],
    [
      "two issuers for pairs",
      {
        identity:
          "{ oidc: [{ issuer: https://a, audience: x, clientCredentials: true }, { issuer: https://b, audience: y, clientCredentials: true }] }",
      },
      /only one issuer/,
    ],
    ["recipients that are no keys", { recording: "{ recipients: [age1abc] }" }, /age public key/],
    ["an empty list of recipients", { recording: "{ recipients: [] }" }, /age public keys/],
    ["an evidence key of another kind", { evidence: "{ signingKey: certs/gateway.key }" }, /Ed25519/],
    [
      "recordings and evidence in one folder",
      { evidence: "{ signingKey: keys/evidence.key, directory: recordings/evidence }" },
      /lies in recording.directory/,
    ],
    ["state among the recordings", { state: "{ sqlite: recordings/state.db }" }, /lies in recording.directory/],
  ] as const) {
    test(`${what} is refused`, async () => assert.match((await refused(parts)).join("\n"), message));
  }

  test("targets: names, pins, credentials, limits", async () => {
    const target = (rest: string, name = "orders") => ({
      access: null,
      targets: `{ ${name}: { protocol: postgres, address: "db:5432", credential: { user: app }, ${rest} } }`,
    });
    assert.match((await refused(target("database: []"))).join(), /a list with entries/);
    assert.match((await refused(target("tls: { pins: [abc] }"))).join(), /SHA-256/);
    assert.match((await refused(target("database: [a, b, a]"))).join(), /database.2: is listed twice/);
    assert.match((await refused(target('database: "a\\0b"'))).join(), /control character/);
    assert.match((await refused(target("tls: { serverName: https://db }"))).join(), /host name or an address/);
    assert.match((await refused(target("tls: { cert: certs/gateway.crt }"))).join(), /cert and key come together/);
    assert.match((await refused(target("limits: { idle: 10 }"))).join(), /duration such as/);
    assert.match((await refused(target("limits: { idle: 0s }"))).join(), /duration such as/);
    assert.match((await refused(target("limits: { idle: 60d }"))).join(), /24 days/);
    assert.match((await refused(target("tls: { rejectUnauthorized: false }"))).join(), /unknown key/);
    for (const name of ["a/b", "a@b", '"a b"', '""'])
      assert.match((await refused(target("database: x", name))).join(), /expected a name of/, name);
    const dup = `{ orders: { protocol: postgres, address: "db:5432", credential: { user: app } }, orders: { protocol: postgres } }`;
    assert.match((await refused({ targets: dup })).join(), /unique/);
  });

  test("what is designed but not built is refused by name, and only once", async () => {
    const problems = await refused({
      identity: "{ oidc: [{ issuer: https://a, audience: x }], saml: [{ idp: x }] }",
      tls: "{ certificates: [{ cert: certs/gateway.crt, key: certs/gateway.key }], clientCertificates: { mode: required, ca: certs/ca.crt, crl: x } }",
      targets: `
  orders: { protocol: postgres, address: "db:5432", tls: { crl: x }, credential: { user: app, password: { vault: x } } }
  crm: { protocol: http, address: https://crm.internal, hosts: [a], credential: { header: authorization, value: { exec: x } } }`,
      state: "{ postgres: { url: x } }",
      masking: "{ rules: [{ target: orders, columns: [a.b.c], with: redact, lookup: equality }] }",
      approvals: "{ rules: [{ name: x }] }",
    });
    for (const part of [
      ...["identity.saml", "tls.clientCertificates.crl", "targets.orders.tls.crl"],
      ...["targets.orders.credential.password", "targets.crm.credential.value", "state.postgres"],
      ...["masking.rules.0.lookup", "approvals.rules.0"],
    ]) {
      assert.equal(problems.filter((problem) => problem.startsWith(`${part}: `) && problem.includes("not supported yet")).length, 1, part);
    }
    assert.equal(problems.length, 8, problems.join("\n"));
  });
});

describe("files and secrets", () => {
  test("a key of another certificate, nonsense, a key with a passphrase, and a folder", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    folder.write("certs/other.key", privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    folder.write("certs/locked.key", rsa.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString());
    folder.write("certs/nonsense", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    folder.write("certs/empty", "");
    for (const [cert, key, message] of [
      ["certs/gateway.crt", "certs/other.key", "tls.certificates.0.key: the key is not that of the certificate"],
      [
        "certs/gateway.crt",
        "certs/locked.key",
        "tls.certificates.0.key: certs/locked.key is protected by a passphrase, which is not supported",
      ],
      ["certs/gateway.crt", "certs/gateway.crt", "tls.certificates.0.key: certs/gateway.crt holds no PEM private key"],
      ["certs/nonsense", "certs/gateway.key", "tls.certificates.0.cert: certs/nonsense holds a certificate that cannot be read"],
      ["certs/empty", "certs/gateway.key", "tls.certificates.0.cert: certs/empty holds no PEM certificate"],
      ["certs", "certs/gateway.key", "tls.certificates.0.cert: certs is a directory"],
    ] as const) {
      assert.deepEqual(await refused({ tls: `{ certificates: [{ cert: ${cert}, key: ${key} }] }` }), [message]);
    }
  });

  test("a key that OpenSSL finds too small", async () => {
    const { execFileSync } = await import("node:child_process");
    const at = (name: string) => join(folder.path, "certs", name);
    const names = ["-keyout", at("small.key"), "-out", at("small.crt"), "-subj", "/CN=localhost"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:512", "-nodes", "-days", "2", ...names], { stdio: "ignore" });
    assert.match((await refused({ tls: "{ certificates: [{ cert: certs/small.crt, key: certs/small.key }] }" })).join(), /too small/);
  });

  test("an expired certificate, a key that all may read, and unencrypted recordings are warnings", async () => {
    const old = await folder.authority.server(["localhost"], { lifetime: lifetime(-1) });
    folder.write("certs/old.crt", old.cert);
    folder.write("certs/old.key", old.key.expose(), 0o644);
    const tls = "{ certificates: [{ cert: certs/old.crt, key: certs/old.key }] }";
    const result = await folder.load(folder.yaml({ tls, recording: "{ recipients: none }" }));
    assert.ok(result.kind === "loaded");
    const [expired, readable, plain] = told(result.warnings);
    assert.match(expired ?? "", /^tls.certificates.0.cert: certificate "CN=localhost" expired on /);
    assert.equal(readable, "tls.certificates.0.key: certs/old.key can be read by every user of this machine");
    assert.equal(plain, "recording.recipients: recordings are not encrypted");
    assert.equal(result.config.recording.recipients, "none");
    assert.ok(result.warnings.every(({ level, line }) => level === "warning" && line > 0));
  });

  test("secrets: written in clear, empty, misspelt", async () => {
    folder.write("secrets/empty", "\n");
    const password = (written: string) => ({
      targets: `{ orders: { protocol: postgres, address: "db:5432", credential: { user: app, password: ${written} } } }`,
    });
    for (const [written, message] of [
      ["hunter2", /expected \{ env: NAME \} or \{ file: path \}/],
      ["{ env: [a] }", /expected \{ env: NAME \}/],
      ["{ env: ORDERS_PASSWORD, file: x }", /expected \{ env: NAME \}/],
      ["{ file: secrets/none }", /secrets\/none does not exist/],
      ["{ file: secrets/empty }", /secrets\/empty is empty/],
    ] as const) {
      const problems = await refused(password(written));
      assert.match(problems.join(), message);
      assert.ok(!problems.join().includes("hunter2"), "a problem never repeats what could be a secret");
    }
    assert.match(told(problemsOf(await folder.load(folder.yaml(), { ORDERS_PASSWORD: "" }))).join(), /is empty/);
  });

  test("the file itself: missing, not YAML, with tags, with a bomb of aliases", async () => {
    const missing = problemsOf(await loadConfig(join(folder.path, "none.yaml"), {}));
    assert.match(missing[0]?.message ?? "", /none.yaml does not exist/);
    const broken = problemsOf(await folder.load("listen: {\n  postgres: [\nx: hunter2: y\n"));
    assert.ok(broken.length > 0 && broken.every(({ line }) => line >= 1) && !JSON.stringify(broken).includes("hunter2"));
    assert.ok(problemsOf(await folder.load("listen: !include x\n")).length > 0);
    assert.ok(problemsOf(await folder.load("")).length > 0);
    assert.ok(problemsOf(await folder.load("- a\n")).length > 0);
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh".replace(/./g, (letter, index: number) => `${letter}: &${letter} [${Array(9).fill(`*${"abcdefg"[index]}`).join(",")}]\n`)}`;
    assert.match(told(problemsOf(await folder.load(bomb))).join(), /aliases/);
  });
});
