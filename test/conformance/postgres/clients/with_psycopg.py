"""psycopg 3: server-side binding, automatic preparation, pipelines, server-side cursors, COPY, notifications, cancellation."""
import logging
import threading
import time

import psycopg
from psycopg.rows import dict_row

from transcript import SLEEPING, diagnosis, once_sleeping, say

# Whether a pipeline's error is met inside the block or at its end is a matter of time; psycopg logs which it was.
logging.getLogger("psycopg").setLevel(logging.ERROR)

KINDS = [1, -2.5, "te'xt \\ \" 日本 \U0001f389", None, True, b"\x00\x01\xff", ["a", "b,c", None]]


def failing(connection, query, parameters=None):
    try:
        connection.execute(query, parameters)
    except psycopg.Error as error:
        return diagnosis(error, error.diag)
    return "no error"


def values(connection):
    say("rows", connection.execute("select * from customers order by id limit 20").fetchall())
    say("binary", connection.execute("select id, balance, photo, key, seen, tags from customers where id < %s order by id", [9], binary=True).fetchall())
    for kind in KINDS:
        say("parameter", connection.execute("select %s", [kind]).fetchone())
    say("large", [len(connection.execute("select %s::text", ["é" * size]).fetchone()[0]) for size in (10, 70_000, 3_000_000)])
    say("many", connection.execute("select sum(n), count(*) from generate_series(1, 50000) n").fetchone())
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("select id, name as \"the name\" from customers where id = 7")
        say("described", [[column.name, column.type_code, column.internal_size, column.precision] for column in cursor.description])
        say("dict", cursor.fetchone())


def preparing(connection):
    for n in range(8):
        say("prepared", connection.execute("select name from customers where id = %s", [n]).fetchall())
    say("prepared now", connection.execute("select prepare from (select statement as prepare from pg_prepared_statements) p where prepare like '%%customers where id%%'").fetchall())
    with connection.cursor() as cursor:
        cursor.executemany("insert into audit.log (what) values (%s) returning what", [[f"many {n}"] for n in range(30)], returning=True)
        say("executemany", cursor.fetchone())
    connection.commit()


def errors(connection):
    for query, parameters in [("select nme from customers", None), ("insert into customers (name, email) values ('x', 'n1@example.com')", None),
                              ("select fail(%s)", ["now"]), ("select %s::int", ["x"]), ("selec 1", None)]:
        say("error", failing(connection, query, parameters))
        say("in transaction", connection.info.transaction_status.name)
        say("then", failing(connection, "select 1"))
        connection.rollback()
    try:
        with connection.transaction():
            connection.execute("insert into audit.log (what) values ('outer')")
            try:
                with connection.transaction():
                    connection.execute("insert into audit.log (what) values ('inner')")
                    connection.execute("select 1/0")
            except psycopg.errors.DivisionByZero as error:
                say("inner failed", error.sqlstate)
    finally:
        say("left", connection.execute("select what from audit.log where what in ('inner', 'outer')").fetchall())
    connection.commit()


def pipelines(connection):
    with connection.pipeline():
        cursors = [connection.execute("select %s::int * 2", [n]) for n in range(100)]
        say("pipeline", [cursor.fetchone()[0] for cursor in cursors])
    try:
        with connection.pipeline():
            connection.execute("insert into audit.log (what) values ('piped')")
            connection.execute("select 1/0")
            connection.execute("select 'skipped'")
    except psycopg.Error as error:
        say("pipeline failed", [type(error).__name__, error.sqlstate])
    connection.rollback()
    say("pipeline left", connection.execute("select count(*) from audit.log where what = 'piped'").fetchone())


def cursors(connection):
    with connection.cursor(name="some") as cursor:
        cursor.itersize = 50
        cursor.execute("select id from customers order by id")
        say("first", cursor.fetchmany(3))
        say("rest", sum(row[0] for row in cursor))
    connection.commit()


def copying(connection):
    with connection.cursor() as cursor:
        with cursor.copy("copy audit.log (what) from stdin") as copy:
            for n in range(2000):
                copy.write_row([f"copy {n}"])
        say("copied", cursor.rowcount)
        with cursor.copy("copy (select id, name, photo from customers order by id) to stdout (format binary)") as copy:
            say("binary copy", sum(len(block) for block in copy))
        try:
            with cursor.copy("copy audit.log (what) from stdin") as copy:
                copy.write("half\n")
                raise ValueError("on purpose")
        except psycopg.Error as error:
            say("copy given up", diagnosis(error, error.diag))
    connection.rollback()
    say("after copy", connection.execute("select count(*) from audit.log where what like 'copy %%' or what = 'half'").fetchone())


def elsewhere(connection):
    heard = []
    connection.add_notice_handler(lambda diag: heard.append([diag.severity, diag.message_primary]))
    connection.execute("select warn('this')")
    say("notices", heard)
    connection.commit()
    connection.autocommit = True
    connection.execute("listen chan")
    with psycopg.connect("", autocommit=True) as other:
        other.execute("notify chan, 'hello'")
    for notification in connection.notifies():
        say("notified", [notification.channel, notification.payload])
        break
    with psycopg.connect("", autocommit=True) as other:
        threading.Thread(target=once_sleeping, args=(lambda: other.execute(SLEEPING).fetchone(), connection.cancel)).start()
        begun = time.monotonic()
        say("cancelled", failing(connection, "select pg_sleep(60)"))
        say("in time", time.monotonic() - begun < 50)
    say("goes on", connection.execute("select 'on'").fetchone())


with psycopg.connect("") as session:
    say("encrypted", session.pgconn.ssl_in_use)
    say("parameters", {name: session.info.parameter_status(name) for name in ("server_version", "client_encoding", "TimeZone", "integer_datetimes", "standard_conforming_strings")})
    for scenario in (values, preparing, errors, pipelines, cursors, copying, elsewhere):
        scenario(session)
print("end")
