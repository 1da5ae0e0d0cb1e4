/** What single values each detector knows, and what it takes for none. None of them belongs to anybody. */
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BARE_PHONE, EMAIL, IP_ADDRESS, isEmail, PHONE } from "#src/discover/contacts.ts";
import { type Detector, wordsOf } from "#src/discover/detector.ts";
import { DETECTORS } from "#src/discover/detectors.ts";
import { NATIONAL_IDS } from "#src/discover/national-ids.ts";
import { CARD, IBAN } from "#src/discover/payments.ts";
import { BIRTH_DATE, PERSON_NAME } from "#src/discover/persons.ts";
import { KNOWN_SECRET, NAMED_SECRET, PASSWORD, SECURITY_CODE } from "#src/discover/secrets.ts";

/** Put together here, so that no search for secrets in this repository finds one. */
const fake = (prefix: string, length: number): string =>
  prefix + randomBytes(length).toString("base64url").replaceAll(/[-_]/g, "x").slice(0, length);
const hex = (bytes: number): string => randomBytes(bytes).toString("hex");
const jwt = ["header", "payload"].map((part) => Buffer.from(JSON.stringify({ [part]: "of a test" })).toString("base64url")).join(".");

const KNOWN: readonly (readonly [name: string, detector: Detector, yes: readonly string[], no: readonly string[]])[] = [
  [
    "e-mail",
    EMAIL,
    [
      "ada@example.com",
      "Ada.Lovelace+x@mail.example.co.uk",
      "mailto:a@b.example",
      "jörg@bücher.example",
      "ask ada@example.com, please",
      "Ada <ada@example.com>",
    ],
    [
      "",
      "ada",
      "ada@",
      "@example.com",
      "ada@localhost",
      "a@b@c",
      "https://user:word@host.example/x",
      "git@host.example:org/repository.git",
      "pkg@1.2.3",
      "@scope/package",
    ],
  ],
  [
    "telephone",
    PHONE,
    [
      "+1 202 555 0143",
      "+12025550143",
      "+49 (0)30 901820",
      "0049 30 901820",
      "(202) 555-0143",
      "202-555-0143",
      "202.555.0143 x12",
      "030 901820",
      "020 7946 0018",
      "01 99 00 12 34",
    ],
    [
      "",
      "2025550143",
      "1700000000",
      "1700000000000",
      "2024-01-02",
      "01-02-2024",
      "04/11/1963",
      "917-44-2051",
      "192.168.10.20",
      "12345-6789",
      "4111 1111 1111 1111",
      "1.23",
      "10:20:30",
      "978-0-306-40615-7",
      randomUUID(),
    ],
  ],
  ["digits of a telephone column", BARE_PHONE, ["2025550143", "+12025550143", "4930901820"], ["", "1", "12.5", "2024-01-02T10:00", "abc"]],
  [
    "IP address",
    IP_ADDRESS,
    ["203.0.113.9", "10.1.2.3", "203.0.113.0/24", "2001:db8::1", "2001:db8::/32"],
    ["", "1.2.3", "1.2.3.4.5", "300.1.1.1", "127.0.0.1", "0.0.0.0", "::1", "::", "v1.2.3.4", "10:20:30"],
  ],
  [
    "payment card",
    CARD,
    [
      "4111111111111111",
      "4111 1111 1111 1111",
      "5555-5555-5555-4444",
      "378282246310005",
      "6011111111111117",
      "3530111333300000",
      "30569309025904",
      "6759649826438453",
    ],
    ["", "4111111111111112", "1234567890123452", "0000000000000000", "9111111111111111", "4111", "4111111111111111a", "490154203237518"],
  ],
  [
    "bank account",
    IBAN,
    ["GB82 WEST 1234 5698 7654 32", "de89370400440532013000", "NO9386011117947"],
    ["", "DE89370400440532013001", "DE8937040044053201300", "XX82WEST12345698765432"],
  ],
  [
    "date of birth",
    BIRTH_DATE,
    ["1915-12-10", "1963-11-04", "04.11.1963", "11/4/1963", "1963-11-04 00:00:00", "1963-11-04 00:00:00+00"],
    ["", "1963", "1963-13-04", "1963-11-04 10:20:30", "1700-01-01", "11:04", "20240102"],
  ],
  [
    "name",
    PERSON_NAME,
    ["Ada", "Ada Lovelace", "de la Cruz", "O'Neil", "LOVELACE, Ada", "Dr. Ada B. Lovelace", "李小龍", "Müller-Lüdenscheidt"],
    ["", "A", "ada@example.com", "Room 12", "x".repeat(70), "one two three four five six", "C++ / Rust"],
  ],
  [
    "secret with a known form",
    KNOWN_SECRET,
    [
      `$2b$12$${"a".repeat(53)}`,
      "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
      "pbkdf2_sha256$600000$salt$hash",
      "$6$salt$hashhashhash",
      "{SSHA}aGFzaGhhc2g=",
      "SCRAM-SHA-256$4096:c2FsdA==$a:b",
      `md5${hex(16)}`,
      `${jwt}.c2lnbmF0dXJl`,
      `token ${jwt}.x`,
      ["-----BEGIN ", "PRIVATE KEY-----"].join(""),
      ["-----BEGIN RSA ", "PRIVATE KEY-----"].join(""),
      fake("ghp_", 36),
      fake("glpat-", 20),
      fake("sk_live_", 24),
      fake("xoxb-", 24),
      fake("npm_", 36),
      `AKIA${"ABCD2345".repeat(2)}`,
      "postgres://app:of-a-test@db.example/orders",
    ],
    [
      "",
      randomUUID(),
      hex(16),
      hex(20),
      hex(32),
      createHash("sha256").update("x").digest("base64"),
      "2024-01-02T03:04:05Z",
      "https://example.com/a:b",
      "md5 of it",
      "$5.00",
      "sk_live",
      "eyJ",
    ],
  ],
  [
    "token in a column of that name",
    NAMED_SECRET,
    [fake("", 32), hex(16), hex(32), randomBytes(24).toString("base64")],
    [
      "",
      randomUUID(),
      "2024-01-02T03:04:05.000Z",
      "1700000000000000000000",
      "short1",
      "a-long-word-of-several-parts",
      "aaaaaaaaaaaaaaaaaaaa1",
    ],
  ],
  [
    "password in a column of that name",
    PASSWORD,
    ["hunter2", "correct-horse", `$2b$12$${"a".repeat(53)}`],
    ["", "abc", "true", "2024-01-02", "active", "two words"],
  ],
  ["security code", SECURITY_CODE, ["123", "1234"], ["", "12", "abc", "1.5"]],
];

for (const [name, detector, yes, no] of KNOWN) {
  describe(name, () => {
    for (const value of yes)
      test(`knows ${name === "secret with a known form" || name.startsWith("token") ? "one" : JSON.stringify(value)}`, () =>
        assert.ok(detector.fits(value), value));
    for (const value of no) test(`does not know ${JSON.stringify(value)}`, () => assert.ok(!detector.fits(value), value));
  });
}

describe("national ids", () => {
  const whatOf = (value: string) => [...new Set(NATIONAL_IDS.filter(({ fits }) => fits(value)).map(({ what }) => what))];

  for (const [value, what] of [
    ["917-44-2051", "US social security"],
    ["AB 12 34 56 C", "UK national insurance"],
    ["12345678Z", "Spanish"],
    ["X-1234567-L", "Spanish"],
    ["1 84 12 76 451 089 46", "French"],
    ["86095742719", "German"],
    ["RSSMRA85T10A562S", "Italian"],
    ["44051401359", "Polish"],
    ["111222333", "Dutch"],
    ["85.07.30-033.28", "Belgian"],
    ["811218-9876", "Swedish"],
    ["19811218-9876", "Swedish"],
    ["130 692 544", "Canadian"],
    ["HEGG560427MVZRRL04", "Mexican"],
    ["529.982.247-25", "Brazilian"],
    ["2341 2341 2346", "Aadhaar"],
    ["ABCPE1234F", "PAN"],
    ["11010519491231002X", "Chinese"],
  ] as const) {
    test(`${value} is known as ${what}`, () =>
      assert.ok(
        whatOf(value).some((found) => found.includes(what)),
        String(whatOf(value)),
      ));
  }

  for (const value of [
    ...["", "000-12-3456", "666-12-3456", "917-00-2051", "918-44-0000", "917/44/20510"],
    ...["BG123456C", "AB123456E", "12345678A", "X1234567A", "184127645108947", "86095742718", "12345678901", "RSSMRA85T10A562T"],
    ...[
      "44051401358",
      "85.07.30-033.29",
      "811218-9875",
      "529.982.247-26",
      "11111111111",
      "2341 2341 2347",
      "ABCDE1234F",
      "110105194912310021",
    ],
    ...["1700000000", "1700000000000", "2024-01-02", "10.0.0.1", "ORDER-2024-000017", randomUUID(), hex(16)],
  ]) {
    test(`${JSON.stringify(value)} is known as none by its form alone`, () => {
      assert.deepEqual(
        NATIONAL_IDS.filter(({ fits, alone }) => alone !== null && fits(value)).map(({ what }) => what),
        [],
      );
    });
  }
});

describe("names of columns", () => {
  test("come apart into words, however they are written", () => {
    for (const [name, words] of [
      ["first_name", "first name"],
      ["firstName", "first name"],
      ["customerEMail2", "customer e mail 2"],
      ["SSN", "ssn"],
      ["Año de Nacimiento", "ano de nacimiento"],
      ["user-ID", "user id"],
      ["", ""],
    ] as const)
      assert.equal(wordsOf(name), words, name);
  });

  const names = (detector: Detector, name: string) => detector.named.test(wordsOf(name));

  test("say what they hold, and only as whole words", () => {
    for (const [detector, yes, no] of [
      [EMAIL, ["email", "e_mail", "contactEmail", "email_address", "work_mail"], ["emailed_count", "gmail", "mailbox_size"]],
      [PHONE, ["phone", "phone_number", "mobileNumber", "home_tel", "fax_no", "cell"], ["telemetry", "cellar", "microphone", "excel"]],
      [CARD, ["card", "card_number", "creditCardNo", "pan", "cc_num"], ["cardinality", "scorecards_open", "panel", "discard"]],
      [
        PERSON_NAME,
        ["first_name", "lastname", "surname", "customer_name", "fullName", "contact_name"],
        ["name", "product_name", "file_name", "hostname", "table_name"],
      ],
      [
        BIRTH_DATE,
        ["dob", "date_of_birth", "birthdate", "birthday", "geburtsdatum", "born_on"],
        ["created_at", "date", "reborn", "birthplace_id"],
      ],
      [PASSWORD, ["password", "password_hash", "user_pwd", "passwd"], ["password_changed_at", "password_policy", "bypass"]],
      [NAMED_SECRET, ["api_key", "access_token", "client_secret", "refreshToken"], ["tokenizer", "key", "primary_key", "secretary"]],
      [SECURITY_CODE, ["cvv", "cvc2", "pin"], ["pin_code", "pinned", "spin"]],
      [IP_ADDRESS, ["ip", "client_ip", "ip_address", "remote_addr"], ["zip", "shipping", "tip"]],
    ] as const) {
      for (const name of yes) assert.ok(names(detector, name), `${name} names ${detector.what}`);
      for (const name of no) assert.ok(!names(detector, name), `${name} does not name ${detector.what}`);
    }
  });
});

describe("every detector", () => {
  test("answers for any text, in time that grows with it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (value) =>
        DETECTORS.every(({ fits }) => typeof fits(value) === "boolean"),
      ),
    );
    const started = process.cpuUsage();
    for (const long of ["a@", "a.", "1 ", "0 ", "+1", "ab ", "$", "eyJ", "w://", "-"].map((part) => part.repeat(2_000)))
      for (const { fits } of DETECTORS) fits(long);
    const { user, system } = process.cpuUsage(started);
    assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`);
  });

  test("never goes by values alone where other things look the same", () => {
    for (const detector of [BARE_PHONE, PERSON_NAME, BIRTH_DATE, PASSWORD, NAMED_SECRET, SECURITY_CODE]) assert.equal(detector.alone, null);
    for (const { alone, withName } of DETECTORS) assert.ok(withName > 0 && (alone === null || alone >= withName));
  });

  test("an address alone is told from one within a text", () => {
    assert.ok(isEmail("ada@example.com"));
    assert.ok(!isEmail("write to ada@example.com"));
  });
});
