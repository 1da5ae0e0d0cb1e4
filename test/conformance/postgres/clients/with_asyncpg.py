"""asyncpg: binary everywhere, everything prepared, cursors by portal, COPY, pools, notifications, time-outs that cancel."""
import asyncio

import asyncpg

from transcript import login, say, verified


def told(error):
    names = ["severity", "sqlstate", "message", "detail", "hint", "position", "table_name", "constraint_name", "column_name"]
    return [type(error).__name__] + [getattr(error, name, None) for name in names]


async def failing(attempt):
    try:
        await attempt
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError) as error:
        return told(error)
    return "no error"


async def values(c):
    say("rows", [list(row.values()) for row in await c.fetch("select * from customers order by id limit 20")])
    for cast, value in [("int", 1), ("text", "te'xt \\ 日本 \U0001f389"), ("text", None), ("bool", True), ("bytea", b"\x00\x01\xff"), ("text[]", ["a", "b,c", None]), ("float8", -2.5)]:
        say("parameter", await c.fetchval(f"select $1::{cast}", value))
    say("large", [len(await c.fetchval("select $1::text", "é" * size)) for size in (10, 70_000, 3_000_000)])
    statement = await c.prepare("select name, born from customers where id = $1")
    say("prepared", [[p.name for p in statement.get_parameters()], [a.name for a in statement.get_attributes()], statement.get_statusmsg()])
    say("reused", [await statement.fetchval(n) for n in range(1, 6)])
    await c.executemany("insert into audit.log (what) values ($1)", [(f"many {n}",) for n in range(300)])
    say("executemany", await c.fetchval("select count(*) from audit.log where what like 'many %'"))
    say("status", await c.execute("update customers set balance = 0 where id < 4"))


async def transactions(c):
    for query in ["select nme from customers", "insert into customers (name, email) values ('x', 'n1@example.com')", "select fail('now')", "selec 1", "select 1/0"]:
        say("error", await failing(c.fetch(query)))
    try:
        async with c.transaction():
            await c.execute("insert into audit.log (what) values ('outer')")
            say("inner", await failing(nested(c)))
            raise ValueError("on purpose")
    except ValueError:
        say("left", await c.fetchval("select count(*) from audit.log where what in ('outer', 'inner')"))
    say("several", await c.execute("select 1; select 2; insert into audit.log (what) values ('s')"))


async def nested(c):
    async with c.transaction():
        await c.execute("insert into audit.log (what) values ('inner')")
        await c.execute("select 1/0")


async def cursors(c):
    async with c.transaction():
        cursor = await c.cursor("select id from customers order by id")
        say("fetched", [[row[0] for row in await cursor.fetch(5)], await cursor.forward(10), (await cursor.fetchrow())[0]])
        say("iterated", sum([row[0] async for row in c.cursor("select generate_series(1, 5000)", prefetch=100)]))


async def copying(c):
    say("copied in", await c.copy_records_to_table("log", schema_name="audit", columns=["what"], records=[(f"copy {n}",) for n in range(3000)]))
    blocks = []

    async def keep(block):
        blocks.append(block)

    say("copied out", await c.copy_from_query("select id, name from customers order by id", output=keep, format="csv"))
    say("bytes", len(b"".join(blocks)))


async def elsewhere(c):
    heard = asyncio.Queue()
    c.add_log_listener(lambda _, message: heard.put_nowait([message.severity, message.message]))
    await c.execute("select warn('this')")
    say("notices", [await heard.get(), await heard.get()])
    await c.add_listener("chan", lambda _, __, channel, payload: heard.put_nowait([channel, payload]))
    await c.execute("notify chan, 'hello'")
    say("notified", await asyncio.wait_for(heard.get(), 10))
    say("timed out", await failing(c.fetch("select pg_sleep(30)", timeout=0.4)))
    say("goes on", await c.fetchval("select 'on'"))
    await c.reset()


async def main():
    settings = {**login(), "ssl": verified()}
    c = await asyncpg.connect(**settings)
    say("server", [list(c.get_server_version()), c.get_settings().server_encoding, c.get_settings().TimeZone])
    for scenario in (values, transactions, cursors, copying, elsewhere):
        await scenario(c)
    await c.close()
    async with asyncpg.create_pool(**settings, min_size=2, max_size=4) as pool:
        say("pool", sorted(await asyncio.gather(*(pool.fetchval("select $1::int", n) for n in range(40)))))
    print("end")


asyncio.run(main())
