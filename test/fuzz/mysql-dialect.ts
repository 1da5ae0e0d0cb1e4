/** What the fuzzer has to know of MySQL and MariaDB: where it starts, how a text is sent, what ends a transaction. */
import { TYPE } from "#protocols/mysql/constants.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { MYSQL_WAYS, type MysqlValue, type MysqlWay } from "#test/masking/mysql/client.ts";
import type { Chance } from "./gate-chance.ts";
import type { Dialect } from "./gate-fuzzer.ts";
import { MYSQL_SHAPES, MYSQL_STATEMENTS, MYSQL_WRITES } from "./mysql-corpus.ts";
import { MYSQL_FORMS } from "./mysql-forms.ts";
import type { MysqlSent } from "./mysql-session.ts";

const USE = /^USE \w+$/;
/** Everything is undone with the transaction: what ends it, or begins another, is left out. */
const ENDS = /(^|;)\s*(commit|rollback(?!\s+to\b)|begin\b|start\s+transaction|xa\b|(un)?lock\s+tables|set\b[^;]*\bautocommit)/i;

export const MYSQL_DIALECT: Dialect<MysqlSent> = {
  forms: MYSQL_FORMS,
  base,
  keeps: (texts, at) => [...texts.slice(0, at).filter((sql) => USE.test(sql)), ...texts.slice(at, at + 1)],
  isFixed: (sql) => USE.test(sql),
  sending,
  ofServer:
    /@@|\bshow\b.*\b(variables|status)\b|uuid|connection_id|processlist|server|version|host|create_time|update_time|information_schema\W+(routines|triggers|tables|partitions|events|files)/i,
  misunderstood: /^(1054|1064|1146|1149|1221|1235|1241|1295|1305|1582) |\[reason=/,
  slow: /^(1205|1317|1969|3024) /,
};

/** With every text sent the same way. */
export function mysqlDialectBy(way: MysqlWay): Dialect<MysqlSent> {
  return {
    ...MYSQL_DIALECT,
    sending: (sql, judgement, chance) => {
      const sent = sending(sql, judgement, chance);
      return sent === null || USE.test(sql) ? sent : { ...sent, way };
    },
  };
}

function base(chance: Chance, kept: (() => readonly string[]) | undefined): readonly string[] {
  const kind = chance.below(10);
  if (kind < 2) return chance.pick(MYSQL_WRITES);
  if (kind < 4) return chance.pick(MYSQL_SHAPES);
  return (kind < 7 ? kept?.() : undefined) ?? chance.pick(MYSQL_STATEMENTS);
}

function sending(sql: string, judgement: Judgement, chance: Chance): MysqlSent | null {
  if (ENDS.test((judgement.upstreamSql ?? sql).replaceAll(/\/\*[\s\S]*?\*\//g, " "))) return null;
  const [way, values] = [wayOf(sql, chance), Array.from({ length: 4 }, () => value(chance))];
  const given = values.map(({ type, bytes, long }) => `${type}${long === true ? "+" : ":"}${bytes?.toString("hex") ?? "NULL"}`);
  return { sql, judgement, way, values, how: `${way}${sql.includes("?") ? ` (${given.join(", ")})` : ""}: ` };
}

/** MySQL prepares no USE; only what is prepared has parameters. */
function wayOf(sql: string, chance: Chance): MysqlWay {
  if (USE.test(sql)) return "text";
  return sql.includes("?") && !chance.oneIn(6) ? chance.pick(["prepared", "cursor"] as const) : chance.pick(MYSQL_WAYS);
}

/** Of every type that clients send parameters as. */
function value(chance: Chance): MysqlValue {
  const text = (type: number, written: string, long = false): MysqlValue => ({
    type,
    bytes: long ? Buffer.from(written) : Buffer.concat([Buffer.from([written.length]), Buffer.from(written)]),
    long,
  });
  switch (chance.below(12)) {
    case 0:
      return { type: TYPE.null, bytes: null };
    case 1:
      return { type: TYPE.tiny, bytes: Buffer.from([chance.below(4)]) };
    case 2:
      return { type: TYPE.long, bytes: Buffer.from([1 + chance.below(3), 0, 0, 0]) };
    case 3:
      return { type: TYPE.longlong, bytes: Buffer.from([chance.below(5), 0, 0, 0, 0, 0, 0, 0]) };
    case 4:
      return { type: TYPE.double, bytes: Buffer.from([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]) };
    case 5:
      return text(TYPE.newdecimal, "1.5");
    case 6:
      return { type: TYPE.date, bytes: Buffer.from([4, 0xd0, 7, 1, 1]) };
    case 7:
      return text(TYPE.blob, chance.pick(["9%", "x", "", "1"]));
    case 8:
      return text(TYPE.blob, chance.pick(["9", "Oslo", "1", "[1]"]), true);
    default:
      return text(TYPE.varString, chance.pick(["9%", "x", "Oslo", "1", "", "2024-01-01", "{}", "zoq", "\\", "'"]));
  }
}
