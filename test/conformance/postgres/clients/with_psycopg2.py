"""psycopg2: client-side interpolation over the simple protocol, named cursors, COPY, notifications, cancellation, two-phase commit."""
import io
import select
import threading

import psycopg2
import psycopg2.extras

from transcript import SLEEPING, diagnosis, once_sleeping, say


def failing(connection, query, parameters=None):
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
    except psycopg2.Error as error:
        return [error.pgcode] + diagnosis(error, error.diag)
    return "no error"


def fetch(connection, query, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


connection = psycopg2.connect("")
say("server", [connection.server_version, connection.encoding, connection.status, connection.get_parameter_status("TimeZone")])
say("rows", fetch(connection, "select * from customers order by id limit 20"))
for kind in [1, -2.5, "te'xt \\ \" 日本 \U0001f389", None, True, b"\x00\x01\xff", ["a", "b,c", None]]:
    say("parameter", fetch(connection, "select %s", [kind]))
say("large", [len(fetch(connection, "select %s::text", ["é" * size])[0][0]) for size in (10, 70_000, 3_000_000)])
connection.commit()
for query in ["select nme from customers", "insert into customers (name, email) values ('x', 'n1@example.com')", "select fail('now')", "selec 1"]:
    say("error", failing(connection, query))
    say("status", connection.get_transaction_status())
    say("then", failing(connection, "select 1"))
    connection.rollback()
say("several", fetch(connection, "select 1; insert into audit.log (what) values ('several'); select 2"))
connection.rollback()
with connection.cursor("named", scrollable=True) as named:
    named.itersize = 40
    named.execute("select id, name from customers order by id")
    say("named", [named.fetchmany(3), named.fetchone()])
    named.scroll(10)
    say("scrolled", named.fetchone())
    say("rest", len(named.fetchall()))
connection.commit()
with connection.cursor() as cursor:
    cursor.copy_expert("copy audit.log (what) from stdin", io.StringIO("".join(f"copy {n}\n" for n in range(3000))))
    out = io.StringIO()
    cursor.copy_expert("copy (select what from audit.log where what like 'copy %' order by line) to stdout", out)
    say("copied", [cursor.rowcount, len(out.getvalue()), out.getvalue()[:20]])
    psycopg2.extras.execute_values(cursor, "insert into audit.log (what) values %s", [(f"value {n}",) for n in range(500)])
    psycopg2.extras.execute_batch(cursor, "insert into audit.log (what) values (%s)", [(f"batch {n}",) for n in range(250)])
say("inserted", fetch(connection, "select count(*) from audit.log where what ~ '^(value|batch) '"))
connection.rollback()
xid = connection.xid(1, "conformance", "branch")
connection.tpc_begin(xid)
fetch(connection, "insert into audit.log (what) values ('two-phase') returning what")
connection.tpc_prepare()
connection.tpc_commit()
say("two-phase", fetch(connection, "select count(*) from audit.log where what = 'two-phase'"))
connection.commit()
connection.autocommit = True
fetch(connection, "select warn('this')")
say("notices", connection.notices)
with connection.cursor() as cursor:
    cursor.execute("listen chan; notify chan, 'hello'")
while not connection.notifies:
    select.select([connection], [], [], 5)
    connection.poll()
say("notified", [[n.channel, n.payload] for n in connection.notifies])
other = psycopg2.connect("")
other.autocommit = True
threading.Thread(target=once_sleeping, args=(lambda: fetch(other, SLEEPING), connection.cancel)).start()
say("cancelled", failing(connection, "select pg_sleep(30)"))
say("goes on", fetch(connection, "select 'on'"))
other.close()
connection.reset()
connection.close()
print("end")
