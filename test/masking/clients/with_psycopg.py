"""psycopg 3: type look-ups by name, row factories, server-side cursors, pipelines, COPY and the schema's own queries."""
import psycopg
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.hstore import register_hstore
from psycopg.types.range import RangeInfo, register_range

import cases
from cases import end


def case(name, attempt, *arguments):
    def kept_apart():
        with connection.transaction():
            return attempt(*arguments)

    cases.case(name, kept_apart)


def info(kind, name):
    found = kind.fetch(connection, name)
    return None if found is None else {key: value for key, value in vars(found).items() if "oid" not in key}


def copied_in():
    with connection.cursor() as cursor:
        with cursor.copy("COPY scratch.authors (name) FROM STDIN") as copy:
            for n in range(5):
                copy.write_row([f"author {n}"])
        return cursor.rowcount


def copied_out():
    with connection.cursor() as cursor, cursor.copy("COPY (SELECT id, name, price FROM products ORDER BY id) TO STDOUT") as copy:
        return list(copy.rows())


def masked_copied_out():
    with connection.cursor() as cursor, cursor.copy("COPY customers (id, name, joined, email) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "date", "varchar"])
        return [row[:3] for row in copy.rows()]


def server_side(name, **options):
    with connection.cursor(name=name, **options) as cursor:
        cursor.execute("SELECT id, name, email, joined FROM customers WHERE id < %s ORDER BY id", [40], binary=name == "binary")
        return [cursor.fetchmany(3), cursor.fetchone(), len(cursor.fetchall()), [column.name for column in cursor.description]]


def scrolled():
    with connection.cursor(name="scrolled", scrollable=True) as cursor:
        cursor.execute("SELECT id, name, ssn FROM customers ORDER BY id")
        cursor.scroll(10)
        forth = cursor.fetchone()
        cursor.scroll(-3)
        return [forth, cursor.fetchone(), cursor.rownumber]


def temporary():
    connection.execute("CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT id, name, email FROM customers WHERE id < 9")
    connection.cursor().executemany("INSERT INTO kept VALUES (%s, %s, %s)", [(100, "a", "x"), (101, "b", None)])
    return connection.execute("SELECT k.id, k.name, c.country FROM kept k LEFT JOIN customers c USING (id) ORDER BY 1").fetchall()


with psycopg.connect("", row_factory=dict_row) as connection:
    case("enum", info, EnumInfo, "feeling")
    case("composite", info, CompositeInfo, "place")
    case("range", info, RangeInfo, "open.span")
    case("hstore", info, TypeInfo, "hstore")
    case("nothing of that name", info, TypeInfo, "no_such_type")
    register_enum(EnumInfo.fetch(connection, "feeling"), connection)
    register_composite(CompositeInfo.fetch(connection, "place"), connection)
    register_range(RangeInfo.fetch(connection, "open.span"), connection)
    register_hstore(TypeInfo.fetch(connection, "hstore"), connection)
    for binary in (False, True):
        way = "binary" if binary else "text"
        case(f"masked rows, {way}", lambda: connection.execute("SELECT * FROM customers ORDER BY id LIMIT 20", binary=binary).fetchall())
        case(f"joined, {way}", lambda: connection.execute("SELECT c.name, o.id, o.placed, o.total FROM customers c JOIN orders o ON o.customer = c.id WHERE c.id = %s ORDER BY o.id", [7], binary=binary).fetchall())
        case(f"registered types, {way}", lambda: connection.execute("SELECT home, feeling, 'a=>1'::hstore AS h, open.span(1, 2) AS s FROM customers ORDER BY id LIMIT 3", binary=binary).fetchall())
    for _ in range(7):
        prepared = connection.execute("SELECT id, name FROM customers WHERE id < %s ORDER BY id", [4], prepare=True).fetchall()
    case("prepared", lambda: prepared)
    with connection.cursor(name="some", row_factory=namedtuple_row) as cursor:
        cursor.execute("SELECT id, status FROM orders ORDER BY id")
        case("server-side cursor", lambda: [cursor.fetchmany(3), cursor.fetchone(), len(cursor.fetchall())])
    case("server-side cursor, masked", server_side, "masked")
    case("server-side cursor, masked, binary", server_side, "binary")
    cases.case("server-side cursor with hold", lambda: server_side("held", withhold=True))
    case("server-side cursor that scrolls", scrolled)
    case("copied out, masked", masked_copied_out)
    case("prepared in SQL", lambda: [connection.execute("PREPARE p (int) AS SELECT id, name, phone FROM customers WHERE id = $1"), connection.execute("EXECUTE p (3)").fetchall(), connection.execute("DEALLOCATE p").statusmessage][1:])
    case("temporary table", temporary)
    with connection.pipeline():
        sent = [connection.execute("SELECT %s::int AS n, count(*) AS c FROM customers", [n]) for n in range(3)]
    case("pipeline", lambda: [one.fetchone() for one in sent])
    case("copied in", copied_in)
    case("copied out", copied_out)
    case("error", lambda: connection.execute("SELECT nothing FROM customers"))
    case("no error left", lambda: connection.execute("SELECT count(*) FROM scratch.authors").fetchone())
    with connection.transaction(), connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO scratch.authors (name) VALUES ('gone')")
    case("settings", lambda: [connection.info.parameter_status(name) for name in ("server_version", "TimeZone", "DateStyle", "integer_datetimes")])
end()
