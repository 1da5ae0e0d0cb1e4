/** The relations of the corpus' seed that generated queries are about, and the types that their columns are told apart by. */

export type Type = "int" | "text" | "date" | "num" | "json" | "time" | "bool" | "list" | "other";

export const ANY: readonly [Type, ...Type[]] = ["text", "int", "date", "num", "json", "time"];

export interface Col {
  readonly name: string;
  readonly type: Type;
}

export interface Table {
  /** As it is written: quoted where it must be. */
  readonly schema: string;
  readonly name: string;
  readonly cols: readonly Col[];
  /** Names of the columns of its primary key. */
  readonly key: string | null;
  readonly view: boolean;
}

const cols = (text: string): readonly Col[] =>
  text.split(", ").map((one) => {
    const at = one.lastIndexOf(" ");
    return { name: one.slice(0, at), type: one.slice(at + 1) as Type };
  });

const table = (name: string, text: string, more: Partial<Table> = {}): Table => ({
  schema: "public",
  name,
  cols: cols(text),
  key: null,
  view: false,
  ...more,
});

export type Tables = readonly [Table, ...Table[]];

/** Of the seed of the analysis' corpus. */
export const TABLES: Tables = [
  table("users", "id int, name text, email text, ssn text, born date, salary num, notes text, city text, tail text", { key: "id" }),
  table("orders", "id int, user_id int, total num, status text, placed_on date, details json", { key: "id" }),
  table("payments", "id int, user_id int, card text, amount num, paid_at time", { key: "id" }),
  table("notes_to_self", "id int, body text, at time", { key: "id" }),
  table("events", "id int, region text, secret text"),
  table("people", "id int, ssn text"),
  table('"User ""Data"""', 'id int, "S S N" text', { schema: '"Back Office"' }),
  table("open_orders", "id int, total num", { view: true }),
];

const MASKED_USERS =
  "id int, name text, city text, email text, ssn text, code text, pin int, salary num, born date, seen time, details json, photo other, " +
  "token other, tags list, mood other, address other, zip text, bio text, tail text, origin text";

/** Of the seed of the masking corpus, which has a masked column of nearly every type, with views over them of many kinds. */
export const MASKED_TABLES: Tables = [
  table("users", MASKED_USERS, { key: "id" }),
  table("payments", "id int, user_id int, card text, amount num, paid_at time", { key: "id" }),
  table("orders", "id int, user_id int, total num, status text, placed_on date, details json", { key: "id" }),
  table("events", "id int, region text, secret text"),
  table("people", "id int, ssn text"),
  table("staff", "id int, ssn text, office text"),
  table("badges", "id int, ssn_ref text"),
  table('"User ""Data"""', 'id int, "S S N" text', { schema: '"Back Office"' }),
  table("open_orders", "id int, total num", { view: true }),
  table("v_barred", MASKED_USERS, { view: true }),
  table("v_deep", "id int, name text, masked_ssn text, masked_pay num", { view: true }),
  table("v_chain", "id int, masked_ssn text, depth int", { view: true }),
  table("v_cities", "city text, n int, masked_top text", { view: true }),
  table("v_spent", "id int, name text, masked_mail text, spent num", { view: true }),
  table("v_json", "id int, masked_json json, masked_text text", { view: true }),
  table("v_sub", "id int, masked_ssn text", { view: true }),
  table("v_parts", "id int, region text, masked_secret text", { view: true }),
  table("m_everything", MASKED_USERS, { view: true }),
];

/** Aliases and column names: some mean tables or columns elsewhere, some must be quoted. */
export const NAMES = [
  "u",
  "o",
  "t",
  "x",
  "id",
  "name",
  "users",
  "orders",
  "ssn",
  "y",
  '"Größe"',
  '"select"',
  '"a ""b"" c"',
  'U&"d\\0061t"',
] as const;
