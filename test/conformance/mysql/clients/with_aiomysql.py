"""aiomysql: a pool with many tasks, unbuffered cursors, transactions and errors."""
import asyncio
import ssl

import aiomysql

from transcript import authority, login, say


async def main():
    account = login()
    database = account.pop("database")
    trust = ssl.create_default_context(cafile=authority())
    async with aiomysql.create_pool(**account, db=database, ssl=trust, charset="utf8mb4", minsize=2, maxsize=6) as pool:
        async def added(n):
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute("SELECT %s + %s", (n, 1))
                return (await cursor.fetchone())[0]

        say("pool", sum(await asyncio.gather(*(added(n) for n in range(100)))))
        async with pool.acquire() as connection:
            async with connection.cursor(aiomysql.DictCursor) as cursor:
                await cursor.execute("SELECT * FROM customers ORDER BY id")
                say("rows", await cursor.fetchall())
                await cursor.executemany("INSERT INTO purchases (customer, amount) VALUES (%s, %s)", [(1 + n % 3, n) for n in range(200)])
                say("many", [cursor.rowcount, cursor.lastrowid > 0])
            await connection.rollback()
            async with connection.cursor(aiomysql.SSCursor) as cursor:
                await cursor.execute("SELECT id, name FROM customers ORDER BY id")
                say("unbuffered", [await cursor.fetchone(), list(await cursor.fetchall())])
            async with connection.cursor() as cursor:
                await cursor.callproc("two_results", (4,))
                say("first result", await cursor.fetchall())
                await cursor.nextset()
                say("second result", await cursor.fetchall())
                for wrong in ["SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')"]:
                    try:
                        await cursor.execute(wrong)
                    except aiomysql.Error as error:
                        say("error", [type(error).__name__, list(error.args)])
            await connection.ping()
    say("end", True)


asyncio.run(main())
