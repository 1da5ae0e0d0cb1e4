/** What the fuzzer starts from: every statement of the masking corpora, hostile and honest, each a list of texts of one session. */
import { BENIGN } from "#test/masking/benign.ts";
import { BROWSER_QUERIES } from "#test/masking/browsers.ts";
import { DEFAULTS } from "#test/masking/defaults.ts";
import { ORACLES } from "#test/masking/oracles.ts";
import { FOUND, HOSTILE, type Hostile } from "#test/masking/statements.ts";
import { NORMALISED, PARAMETERS, REWRITTEN, UNTOUCHED } from "#test/protocols/sql/postgres/corpus/benign.ts";
import { BYPASSES } from "#test/protocols/sql/postgres/corpus/bypass.ts";
import { KIND_BYPASSES } from "#test/protocols/sql/postgres/corpus/bypass-kinds.ts";
import { TEXT_BYPASSES } from "#test/protocols/sql/postgres/corpus/bypass-texts.ts";
import { FOUND as FOUND_BY_CAUSE, STILL_OPEN } from "#test/protocols/sql/postgres/corpus/found.ts";
import { BENIGN_VIEWS, PLAIN_VIEWS } from "#test/protocols/sql/postgres/corpus/views.ts";
import { ASSIGNING, HONEST, NOT_ASSIGNING } from "#test/protocols/sql/postgres/corpus/writes.ts";
import { GATE_FOUND } from "./gate-found.ts";

/** A text that is longer is one of a browser's questions to the catalogue; what is mutated of it is little. */
const TEXT_MAX = 1_500;

const list = (hostile: Hostile): readonly string[] => (typeof hostile === "string" ? [hostile] : hostile);
const alone = (texts: readonly string[]): readonly (readonly string[])[] => texts.map((text) => [text]);
const groups = (all: Readonly<Record<string, readonly Hostile[]>>): readonly (readonly string[])[] => Object.values(all).flat().map(list);

const HOSTILE_ONES: readonly (readonly string[])[] = [
  ...[FOUND, HOSTILE, DEFAULTS].flatMap(groups),
  ...ORACLES.map(([held]) => [held]),
  ...[BYPASSES, KIND_BYPASSES, TEXT_BYPASSES].flatMap((all) =>
    Object.values(all)
      .flat()
      .map(({ texts }) => texts),
  ),
  ...Object.values(FOUND_BY_CAUSE)
    .flat()
    .map(({ text }) => [text]),
  ...GATE_FOUND.map(list),
];

const HONEST_ONES: readonly (readonly string[])[] = [
  ...[BENIGN, REWRITTEN, UNTOUCHED, PARAMETERS, STILL_OPEN, BENIGN_VIEWS, PLAIN_VIEWS, HONEST, ASSIGNING, NOT_ASSIGNING].flatMap(alone),
  ...NORMALISED.map(([sql]) => [sql]),
  ...alone(Object.values(BROWSER_QUERIES)),
];

/** One of the corpora's databases has `notes` where the other has `bio`. */
const onSeed = (text: string): string => text.replaceAll(/\bnotes\b/g, "bio");

export const STATEMENTS: readonly (readonly string[])[] = [...HOSTILE_ONES, ...HONEST_ONES]
  .filter((texts) => texts.every((text) => text.length <= TEXT_MAX))
  .map((texts) => texts.map(onSeed));

/** Of these there are fewer, and less is made of each: they get turns of their own. */
export const WRITES: readonly (readonly string[])[] = STATEMENTS.filter((texts) =>
  texts.some((text) => /^\s*(INSERT|UPDATE|DELETE|MERGE|COPY|CREATE TEMP|WITH [^()]*\((INSERT|UPDATE|DELETE|MERGE))/i.test(text)),
);

/** Columns as they stand, of plain joins: where columns are hashed, those pass as they are up to the gateway. */
export const PLAIN_OUTPUTS: readonly (readonly string[])[] = [
  ["SELECT ssn FROM users"],
  ["SELECT u.ssn, u.email AS mail, u.name FROM users u ORDER BY u.id"],
  ["SELECT id, ssn, email, bio, origin FROM users WHERE id < 3"],
  ["SELECT * FROM users"],
  ["SELECT u.*, o.total FROM users u JOIN orders o ON o.user_id = u.id"],
  ["SELECT users.email, total FROM users JOIN orders ON user_id = users.id WHERE total = 3"],
  ["SELECT p.card, u.ssn FROM payments p LEFT JOIN users u ON u.id = p.user_id"],
  ["SELECT u.name, q.ssn FROM users u CROSS JOIN people q"],
  ["SELECT secret, region FROM events WHERE region = 'north'"],
  ["SELECT e.secret FROM events_east_one e"],
  ["SELECT ssn, office FROM staff ORDER BY office LIMIT 1"],
  ["SELECT ssn FROM night_staff OFFSET 0"],
  ["SELECT masked_nick FROM v_own"],
  ["TABLE payments"],
  ["SELECT ssn FROM users WHERE id IN (SELECT user_id FROM orders WHERE total > 3)"],
  ["SELECT u.ssn FROM users u, orders o WHERE o.user_id = u.id AND o.id = 1"],
  ["SELECT ssn, (SELECT max(total) FROM orders o WHERE o.user_id = users.id) AS t FROM users"],
];
