/** Texts of any length that are made to cost more than their length: what lists, brackets and words at their worst look like. */

export interface Form {
  /** @param size repetitions */
  readonly text: (size: number) => string;
  /** Of the smaller of two texts. */
  readonly size: number;
}

const repeated = (before: string, part: string, after: string, size = 1000): Form => ({
  text: (count) => before + part.repeat(count) + after,
  size,
});

const nested = (before: string, opening: string, after: string): Form => ({
  text: (count) => before + opening.repeat(count) + after + ")".repeat(count),
  size: 1000,
});

export const FORMS: Readonly<Record<string, Form>> = {
  "tables of an UPDATE": repeated("UPDATE ", "a, ", "b SET x = 1"),
  "a derived table in an UPDATE": repeated("UPDATE (SELECT ", "1, ", "1) q SET x = 1"),
  "tables in a FROM": repeated("SELECT 1 FROM ", "a, ", "b"),
  "tables in brackets": repeated("SELECT 1 FROM (", "a, ", "b)"),
  joins: repeated("SELECT 1 FROM a ", "JOIN b ON b.x = a.x ", ""),
  "joins by USING": repeated("SELECT 1 FROM a ", "JOIN b USING (x) ", ""),
  "joins of lists in brackets": repeated("SELECT 1 FROM a ", "JOIN (b, c) ON b.x = a.x ", ""),
  "conditions of names alone": repeated("SELECT 1 FROM a, b WHERE ", "x AND ", "x"),
  "a list of values": repeated("SELECT 1 FROM t WHERE x IN (", "1, ", "1)", 4000),
  "rows of an INSERT": repeated("INSERT INTO t VALUES ", "(1, 'a'), ", "(1, 'a')"),
  "signs of negation": repeated("SELECT ", "!a, ", "1"),
  "negations inside one another": nested("SELECT ", "!(", "1"),
  "intervals that are functions": repeated("SELECT ", "INTERVAL(1, 2), ", "1"),
  "intervals inside one another": nested("SELECT ", "INTERVAL(1, ", "2"),
  "aggregates with a limit": repeated("SELECT ", "GROUP_CONCAT(a LIMIT 1), ", "1"),
  "queries in a FROM inside one another": nested("SELECT 1 FROM ", "(SELECT 1 FROM ", "t"),
  "brackets that nobody closes": repeated("SELECT 1 FROM ", "(", "t"),
  "queries side by side": repeated("SELECT 1", " UNION SELECT 1", ""),
  "tables that are queries": repeated("TABLE a", " UNION TABLE a", ""),
  "statements of one text": repeated("SELECT 1", "; SELECT 1", "", 500),
  "settings of one SET": repeated("SET @a = 1", ", @b = 1", ""),
  "strings side by side": repeated("SELECT ", "'a' ", "", 4000),
  "quoted names": repeated("SELECT ", "`a`, ", "1"),
  "tables of LOCK TABLES": repeated("LOCK TABLES ", "a READ, ", "b READ", 4000),
  "tables of CHECK TABLE": repeated("CHECK TABLE ", "a, ", "b", 4000),
  "settings beside SET NAMES": repeated("SET NAMES utf8mb4, ", "@a = 1, ", "@b = 1"),
  "comments side by side": repeated("SELECT 1 ", "/**/", "", 8000),
  "comments in each other": repeated("SELECT 1 ", "/*", "*/", 8000),
};
