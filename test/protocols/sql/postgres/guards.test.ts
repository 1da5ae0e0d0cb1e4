/** What of a statement a guardrail could forbid, judged from the real tree, with and without a catalogue. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { GuardKind } from "#policies/question.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { loadGrammar } from "#protocols/sql/postgres/grammar.ts";
import { CONDITIONS, guardsIn, kindsIn, NO_CONDITION } from "#test/protocols/sql/postgres/guarded.ts";

before(() => loadGrammar());

function check(kind: GuardKind, { hit, clear }: { readonly hit: readonly string[]; readonly clear: readonly string[] }): void {
  describe(kind, () => {
    for (const sql of hit)
      test(`stands in ${sql.slice(0, 120)}`, () => assert.ok(kindsIn(sql).includes(kind), JSON.stringify(guardsIn(sql))));
    for (const sql of clear)
      test(`does not stand in ${sql.slice(0, 120)}`, () => assert.ok(!kindsIn(sql).includes(kind), JSON.stringify(guardsIn(sql))));
  });
}

for (const [kind, command] of [
  ["delete-without-where", "delete from big"],
  ["update-without-where", "update big set a = 1"],
] as const) {
  check(kind, {
    hit: [
      command,
      ...NO_CONDITION.map((condition) => `${command} where ${condition}`),
      `with d as (${command} returning id) select * from d`,
      `with a as (select 1), d as (${command}) select * from a`,
      `explain analyze ${command}`,
      `explain (analyze, costs off) ${command}`,
      `prepare p as ${command}`,
      `copy (${command} returning id) to stdout`,
      `create rule r as on insert to small do also ${command}`,
      `create function f() returns void language sql begin atomic ${command}; end`,
      `insert into small with d as (${command} returning id) select * from d`,
    ],
    clear: [...CONDITIONS.map((condition) => `${command} where ${condition}`), `explain ${command}`, "insert into big values (1)"],
  });
}

check("delete-without-where", {
  hit: [
    "delete from big using small",
    "delete from big using small where small.id = 5",
    "merge into big using small on true when matched then delete",
    "merge into big using small on small.id = 3 when matched and true then delete",
    "merge into big using small on false when not matched by source then delete",
    "merge into big using small on 1 = 2 when not matched by source and 1 = 1 then delete",
  ],
  clear: [
    "delete from big using small where small.id = big.small_id",
    "merge into big using small on big.small_id = small.id when matched then delete",
    "merge into big using small on big.small_id = small.id when not matched by source then delete",
    "merge into big using small on true when matched and big.id = 3 then delete",
    "merge into big using small on true when matched then do nothing",
    "merge into big using small on false when matched then delete",
  ],
});
check("update-without-where", {
  hit: [
    "update big set a = s.x from small s",
    "update big set a = s.x from small s where s.id = 5",
    "merge into big using small on true when matched then update set a = 1",
  ],
  clear: [
    "update big set a = s.x from small s where s.id = big.small_id",
    "insert into big values (1) on conflict (id) do update set a = 2",
  ],
});
check("truncate", { hit: ["truncate big", "truncate table only big, small cascade"], clear: ["delete from big where id = 1"] });
check("drop", {
  hit: [
    ...["drop table big", "drop view if exists public.v cascade", "drop index i", "drop function f(int)", "drop schema s", "drop role r"],
    ...["drop database d", "drop owned by r", "drop extension e", "alter table big drop column a", "alter table big add z int, drop a"],
  ],
  clear: ["alter table big add column z int", "deallocate p", "close c", "alter table big alter a drop not null"],
});
check("alter", {
  hit: [
    ...[
      "alter table big add column z int",
      "alter table big rename to huge",
      "alter table big rename column a to z",
      "alter role r superuser",
    ],
    ...["alter table big owner to r", "alter table big set schema s", "alter system set work_mem = 1", "alter sequence s restart"],
    ...["alter view big_view alter a set default 1", "alter type mood add value 'x'", "alter table big drop column a"],
  ],
  clear: ["create table t (a int)", "set work_mem = 1", "comment on table big is 'x'"],
});
check("multi-statement", { hit: ["select 1; select 2", "begin; select 1; commit"], clear: ["select 1", "select 1;", ";;select 1;;", ""] });
check("opaque", {
  hit: [
    ...["do $$ begin delete from big; end $$", "call wipe()", "select query_to_xml('delete from big', true, true, '')"],
    ...[
      "select dblink_exec('dbname=shop', 'delete from big')",
      "select ('select 1'::text).query_to_xml",
      "select * from ts_stat('select 1')",
    ],
    `delete from big where ${"not ".repeat(3_000)}a`,
  ],
  clear: ["select lower('x')", "select wipe()", "create procedure p() language sql as ''", "execute p"],
});

check("unlimited-select", {
  hit: [
    ...[
      "select * from big",
      "table big",
      "select a from public.big order by a",
      "select * from big where true",
      "select * from big where $1",
    ],
    ...["select * from big limit all", "select * from big limit null", "select * from big limit 1000000", "select distinct a from big"],
    ...[
      "select a, count(*) from big group by a",
      "select count(*) over () from big",
      "select * from big_view",
      "select * from inner_view v",
    ],
    ...[
      "select * from (select * from big) s",
      "with x as (select * from big) select * from x",
      "select * from small union all select id, a, b from big",
    ],
    ...["select id from big except select id from small", "select * from big join small on big.small_id = small.id"],
    "select * from big left join small on big.small_id = small.id and small.x = 3",
    "select * from big, lateral (select * from small where small.id = big.small_id) s",
    ...["select json_agg(b) from big b limit 1", "select string_agg(a::text, ',') from big", "select array(select a from big) limit 1"],
    ...["copy big to stdout", "copy big (a) to stdout", "copy (select * from big) to stdout", "declare c cursor for select * from big"],
    ...["prepare p as select * from big", "explain analyze select * from big", "select * from events", "select * from archive.events"],
    "with recursive r(n) as (select id from small union all select big.id from r, big where big.small_id = r.n) select * from r",
  ],
  clear: [
    ...["select * from big limit 10", "select * from big limit $1", "select * from big fetch first row only", "select count(*) from big"],
    ...["select max(a), min(b) from big", "select count(*) filter (where a > 1) from big", "select 1 from big having true"],
    ...["select * from big where a = 1", "select * from big where false", "select * from big_view where id = 3", "select * from small"],
    ...["select * from fresh", "select * from nowhere", "select * from (select * from big) s where s.a = 3", "select * from public.events"],
    ...["select * from (select * from big limit 3) s", "with x as (select * from big where a = 1) select * from x"],
    ...[
      "select * from small where id in (select small_id from big)",
      "select exists (select 1 from big)",
      "select (select max(a) from big)",
    ],
    "select * from big join small on big.small_id = small.id where small.x = 3",
    "select * from big join small on big.small_id = small.id and small.x = 3",
    "select * from small left join big on big.small_id = small.id where small.x = 3",
    "select * from big join unnest($1::int[]) ids on ids = big.id",
    "with few as (select id from small where x = 1) select * from big join few on few.id = big.small_id",
    ...["select id from small except select id from big", "insert into small select * from big", "create table t as select * from big"],
    ...[
      "select * into t from big",
      "create view v as select * from big",
      "explain select * from big",
      "copy big from stdin",
      "copy big to '/tmp/x'",
    ],
  ],
});

check("cross-join", {
  hit: [
    ...[
      "select * from orders o, customers c",
      "select * from orders cross join customers",
      "select * from orders o join customers c on true",
    ],
    ...["select * from orders o join customers c on 1 = 1", "select * from orders o left join customers c on o.total = 1"],
    ...["select * from orders o, customers c where o.total = 1 and c.name = 2", "select count(*) from orders, customers"],
    ...["select * from small natural join (select 1 as q, 2 as r from fresh) f", "select * from small, generate_series(1, 10)"],
    "select * from small cross join lateral (select * from customers limit 3) l",
    "select * from (small s cross join orders o) join customers c on c.id = o.customer_id",
    ...[
      "select (select count(*) from orders, customers) from small",
      "with x as (select * from orders, customers) select 1 from x where false",
    ],
    ...[
      "insert into small select 1 from orders, customers",
      "create table t as select 1 as x from orders, customers",
      "delete from big using small",
    ],
    ...[
      "update big set a = 1 from small where big.a = 1 and small.x = 2",
      "merge into big using small on big.a = 1 when matched then delete",
    ],
    "select * from orders o, customers c where o.customer_id = c.id or true",
    "select * from orders o, customers c, small s where o.customer_id = c.id",
  ],
  clear: [
    ...[
      "select * from orders o, customers c where o.customer_id = c.id",
      "select * from orders, customers where customer_id = customers.id",
    ],
    ...["select * from orders o join customers c on o.customer_id = c.id", "select * from orders join customers using (id)"],
    ...["select * from orders natural join customers", "select * from orders o join customers c on o.total > c.name", "select * from big"],
    ...[
      "select * from orders, (select max(id) m from customers) x",
      "with p as (select 1 as x) select * from orders, p",
      "select * from orders, now()",
    ],
    ...["select * from small, unnest(array[small.x, small.y]) u", "select * from small, (values (1), (2)) v(x)", "select 1, 2"],
    "select * from small cross join lateral (select * from customers c where c.id = small.x) l",
    "select * from orders o, customers c where o.id = $1 and c.id = $1",
    "select * from orders o, customers c where o.total = $1 and c.name = $1",
    "select * from orders o, small config where config.id = 1",
    "select * from small s where exists (select 1 from orders o, customers c where o.customer_id = s.id and c.id = s.x)",
    "select * from (small s cross join orders o) join customers c on c.id = o.customer_id and c.id = s.id",
    "select * from (small join orders using (id)) as j join customers c on c.id = j.customer_id",
    ...[
      "select * from orders, customers where false",
      "create view v as select * from orders, customers",
      "explain select * from orders, customers",
    ],
    "delete from big using small where small.id = big.small_id",
  ],
});

describe("a guard", () => {
  test("names its place in characters, what it is done to, and how many rows", () => {
    assert.deepEqual(guardsIn("select 'ä'; delete from public.big where 1 = 1"), [
      { kind: "multi-statement", position: 13, relation: null, detail: null, rows: null },
      { kind: "delete-without-where", position: 25, relation: "public.big", detail: "DELETE", rows: null },
    ]);
    assert.deepEqual(guardsIn("select *\n from big_view"), [
      { kind: "unlimited-select", position: 16, relation: "big_view", detail: null, rows: 1_000_000 },
    ]);
    assert.deepEqual(guardsIn("drop table a.b, c"), [{ kind: "drop", position: 1, relation: "a.b", detail: "DROP TABLE", rows: null }]);
    assert.deepEqual(guardsIn("select 1 from orders o, customers c where c.id = 1 and o.total = 2 limit 1"), []);
    assert.deepEqual(guardsIn("select 1 from orders o, customers c limit 1"), [
      { kind: "cross-join", position: 25, relation: "customers", detail: "orders", rows: null },
    ]);
  });

  test("is looked for only where it is asked for", () => {
    const { facts } = analyse("delete from big", null, null, false);
    assert.deepEqual(facts.kind === "parsed" ? facts.statements[0]?.guards : null, []);
  });

  test("of a text with thousands of them is told some ten times", () => {
    assert.equal(
      guardsIn(Array.from({ length: 500 }, () => "delete from big").join(";")).filter(({ kind }) => kind === "truncate").length,
      0,
    );
    const many = guardsIn(`with ${Array.from({ length: 200 }, (_, index) => `c${index} as (delete from big)`).join(",")} select 1`);
    assert.equal(many.length, 10);
  });
});

describe("without a catalogue", () => {
  for (const sql of [
    "delete from big where small_id is not null",
    "delete from big where exists (select 1 from small where small.id = small_id)",
    "update big set a = 1 from small where small_id = x",
    "select * from orders, customers where customer_id = cid",
    "select * from big",
  ])
    test(`what only a catalogue tells is let pass: ${sql}`, () => assert.deepEqual(kindsIn(sql, null), []));
  for (const condition of NO_CONDITION.filter((one) => !/(id|ctid) is not null$|in \(select/.test(one)))
    test(`no condition is one: ${condition}`, () =>
      assert.deepEqual(kindsIn(`delete from big where ${condition}`, null), ["delete-without-where"]));
  test("sources that nothing connects are told apart all the same", () =>
    assert.deepEqual(kindsIn("select * from orders o, customers c where o.total = 1", null), ["cross-join"]));
});
