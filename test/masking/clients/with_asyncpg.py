"""asyncpg: how it looks up types it does not know, what its pool resets, cursors, and records of every kind."""
import asyncio
import datetime

import asyncpg

from cases import case, end


async def gather():
    connection = await asyncpg.connect()
    found = {}

    async def keep(name, awaited):
        try:
            value = await awaited
        except asyncpg.PostgresError as error:
            value = [type(error).__name__, error.sqlstate]
        found[name] = [dict(row) for row in value] if isinstance(value, list) and value and isinstance(value[0], asyncpg.Record) else value

    await keep("masked rows", connection.fetch("SELECT * FROM customers ORDER BY id LIMIT 20"))
    await keep("composite, enum, array, domain", connection.fetch("SELECT home, feeling, tags, ARRAY[feeling], ROW(id, home) FROM customers ORDER BY id LIMIT 5"))
    await keep("enum parameter", connection.fetchval("SELECT $1::feeling", "glad"))
    await keep("composite parameter", connection.fetchval("SELECT ($1::place).town", ("s", "t")))
    await keep("array parameter", connection.fetch("SELECT id FROM orders WHERE id = ANY($1) ORDER BY id", [3, 1, 2]))
    await keep("ranges", connection.fetch("SELECT room, during, guests, id FROM bookings ORDER BY id LIMIT 3"))
    await keep("composite of the open schema", connection.fetch("SELECT size, span, label, data FROM open.shelves JOIN open.boxes ON shelf = shelves.id ORDER BY 3, shelves.id LIMIT 3"))
    await keep("hstore codec", connection.set_builtin_type_codec("hstore", schema="public", codec_name="pg_contrib.hstore"))
    await keep("hstore", connection.fetchval("SELECT 'a=>1'::hstore"))
    await keep("json codec", connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=lambda text: ["read", text]))
    await keep("json", connection.fetch("SELECT attributes FROM products ORDER BY id LIMIT 2"))
    statement = await connection.prepare("SELECT id, name, country FROM customers WHERE id > $1 ORDER BY id LIMIT $2")
    found["attributes"] = [[one.name, one.type.name] for one in statement.get_attributes()]
    found["parameters"] = [one.name for one in statement.get_parameters()]
    await keep("prepared", statement.fetch(3, 4))
    async with connection.transaction(isolation="serializable", readonly=True, deferrable=True):
        found["cursor"] = [record["id"] async for record in connection.cursor("SELECT id FROM orders ORDER BY id", prefetch=30)]
    async with connection.transaction():
        await connection.executemany("INSERT INTO scratch.kinds (t, i, d) VALUES ($1, $2, $3)", [(f"t{n}", n, datetime.date(2024, 1, n + 1)) for n in range(20)])
        await keep("inserted", connection.fetch("SELECT count(*), sum(i), max(d) FROM scratch.kinds"))
        await keep("copied in", connection.copy_records_to_table("authors", schema_name="scratch", columns=["name"], records=[("one",), ("two",)]))
    await keep("error", connection.fetch("SELECT nothing FROM orders"))
    found["types"] = [connection.get_settings().TimeZone, connection.get_server_version().major > 14]
    await connection.reset()
    await connection.close()
    pool = await asyncpg.create_pool(min_size=2, max_size=3)
    found["pool"] = await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(9)))
    await pool.close()
    return found


for name, value in asyncio.run(gather()).items():
    case(name, lambda: value)
end()
