"""What the Python clients share: where to connect, and one line for each thing seen."""
import datetime
import decimal
import json
import os


def login():
    return {
        "host": os.environ["DB_HOST"],
        "port": int(os.environ["DB_PORT"]),
        "user": os.environ["DB_USER"],
        "password": os.environ["DB_PASSWORD"],
        "database": os.environ["DB_NAME"],
    }


def authority():
    return os.environ["DB_CA"]


def say(name, value):
    print(name + ": " + json.dumps(value, default=plain, ensure_ascii=True, sort_keys=True), flush=True)


def plain(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes " + bytes(value).hex()
    if isinstance(value, (set, frozenset)):
        return "set " + ",".join(sorted(map(str, value)))
    if isinstance(value, (datetime.date, datetime.timedelta, decimal.Decimal)):
        return type(value).__name__ + " " + str(value)
    return type(value).__name__ + " " + str(value)


def walk_through(connection, module, rows_of_many=1000):
    """What every DB-API driver can do, in one order."""
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM customers ORDER BY id")
    say("columns", [[column[0], column[1]] for column in cursor.description])
    say("rows", cursor.fetchall())
    for value in [1, -2.5, "te'xt \\ \" 日本 \U0001f389", None, True, datetime.datetime(2024, 2, 29, 1, 2, 3)]:
        cursor.execute("SELECT %s AS value", (value,))
        say("parameter", cursor.fetchall())
    for size in (10, 70_000, 3_000_000):
        cursor.execute("SELECT %s AS large", ("é" * size,))
        say("large", len(cursor.fetchone()[0]))
    cursor.executemany("INSERT INTO purchases (customer, amount) VALUES (%s, %s)", [(1 + n % 3, n) for n in range(rows_of_many)])
    say("many", [cursor.rowcount, cursor.lastrowid > 0])
    cursor.execute("SELECT COUNT(*), SUM(amount) FROM purchases")
    say("counted", cursor.fetchall())
    connection.rollback()
    cursor.execute("SELECT COUNT(*) FROM purchases")
    say("rolled back", cursor.fetchall())
    for wrong in ["SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')", "INSERT INTO purchases (customer, amount) VALUES (99, 1)"]:
        try:
            cursor.execute(wrong)
            say("error", "none")
        except module.Error as error:
            say("error", [type(error).__name__, list(error.args)])
    cursor.callproc("two_results", (21,))
    say("first result", cursor.fetchall())
    cursor.nextset()
    say("second result", cursor.fetchall())
    while cursor.nextset():
        pass
    connection.commit()
