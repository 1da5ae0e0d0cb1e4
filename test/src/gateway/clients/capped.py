"""psycopg 3 under a cap of rows: a server-side cursor, COPY, a pipeline and plain fetches; one line of JSON for each."""
import json

import psycopg


def failure(error):
    return {"code": error.diag.sqlstate, "detail": error.diag.message_detail}


def say(name, value):
    print(json.dumps({"name": name, **value}), flush=True)


def main():
    with psycopg.connect(autocommit=False) as connection:
        with connection.cursor() as cursor:
            try:
                cursor.execute("select n from numbers")
                say("plain", {"rows": len(cursor.fetchall())})
            except psycopg.Error as error:
                say("plain", {**failure(error), "status": connection.info.transaction_status.name})
            connection.rollback()
        with connection.cursor("parts") as cursor:
            cursor.itersize = 150
            say("cursor", {"rows": sum(1 for _ in cursor.execute("select n from numbers"))})
        connection.rollback()
        with connection.cursor() as cursor:
            got = 0
            try:
                with cursor.copy("copy numbers to stdout") as copy:
                    for _ in copy.rows():
                        got += 1
                say("copy", {"rows": got})
            except psycopg.Error as error:
                say("copy", {**failure(error), "rows": got})
            connection.rollback()
        say("after", {"rows": len(connection.execute("select n from numbers limit 10").fetchall())})
        connection.rollback()
    connection = psycopg.connect(autocommit=True)
    try:
        with connection.pipeline() as pipeline:
            connection.execute("select 1 from numbers")
            connection.execute("insert into kept values (1)")
            pipeline.sync()
        say("pipeline", {"rows": -1})
    except psycopg.Error as error:
        # The INSERT was done before anybody could know: the session ends, so that nobody takes it for skipped.
        try:
            connection.execute("select 1")
            say("pipeline", {**failure(error), "goes on": True})
        except psycopg.OperationalError:
            say("pipeline", {**failure(error), "goes on": False})


main()
