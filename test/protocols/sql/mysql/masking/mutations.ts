/** Statements of the corpora, changed at random: parts left out, doubled, moved, taken from others. The same for the same seed. */
import { Chance } from "#test/fuzz/gate-chance.ts";
import { APP_BENIGN } from "#test/masking/mysql/app/benign.ts";
import { APP_BENIGN_WRITES } from "#test/masking/mysql/app/benign-writes.ts";
import { APP_HOSTILE } from "#test/masking/mysql/app/statements.ts";

const TOKEN = /'(?:[^']|'')*'|`(?:[^`]|``)*`|[A-Za-z_@$][\w$]*|\d+(?:\.\d+)?|->>|->|<=>|<=|>=|<>|!=|:=|\|\||&&|\S/g;
const PIECES = [
  ..."users ssn u u.ssn users.ssn app.users ( ) LATERAL DUAL VALUES ROW IN EXISTS ANY INTERVAL CASE END ON all_users renamed secret_of".split(
    " ",
  ),
  ...["(SELECT ssn FROM users)", "TABLE users", "USING (ssn)", "NATURAL JOIN users", ", users", "UNION SELECT ssn FROM users", "AS users"],
  ...["WITH users AS (SELECT 1 AS ssn)", "PARTITION (p0)", "OVER ()", "WINDOW w AS ()", "FOR UPDATE", "INTO @x", "@x :=", "LIMIT 1"],
];
const TOKENS_MAX = 120;

/** What a clock, chance or the server itself decides. */
const MOVING =
  /now|rand|uuid|connection_id|information_schema|cur(time|date|rent)|sysdate|@@|last_insert|truncate|local|utc_|show|explain|desc|set names/i;

/** @returns statements that do not depend on when and where they run */
export function mutations(seed: number, count: number): readonly string[] {
  const sources = [...Object.values(APP_HOSTILE).flatMap((group) => group.flat()), ...APP_BENIGN, ...APP_BENIGN_WRITES];
  const texts = sources
    .filter((one) => /^[\s(]*(select|with|table|values|insert|replace|update|delete)/i.test(one))
    .map((one) => one.match(TOKEN) ?? []);
  const pool = [...new Set(texts.flat()), ...PIECES];
  const chance = new Chance(seed);
  const below = (limit: number): number => chance.below(limit);
  const change = (tokens: string[]): void => {
    const at = below(tokens.length + 1);
    const from = below(tokens.length + 1);
    const other = chance.pick(texts);
    const part = below(other.length + 1);
    const ways: readonly (() => void)[] = [
      () => tokens.splice(at, 1),
      () => tokens.splice(at, below(2), chance.pick(pool)),
      () => tokens.splice(at, below(4), ...other.slice(part, part + 1 + below(8))),
      () => tokens.splice(from, 0, ...tokens.splice(at, 1 + below(4))),
      () => tokens.splice(at, 0, ...tokens.slice(from, from + 1 + below(6))),
      () => tokens.splice(at, 0, "(", ...other, ")"),
    ];
    chance.pick(ways)();
  };
  const made = new Set<string>();
  while (made.size < count) {
    const tokens = [...chance.pick(texts)];
    for (let changes = 1 + below(4); changes > 0; changes--) change(tokens);
    const sql = tokens.join(" ");
    if (tokens.length <= TOKENS_MAX && !MOVING.test(sql)) made.add(sql);
  }
  return [...made];
}
