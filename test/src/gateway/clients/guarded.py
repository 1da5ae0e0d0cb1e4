"""psycopg 3 against guardrails and caps: each statement of stdin, a JSON list, by itself and inside a transaction."""
import json
import sys

import psycopg


def outcome(connection, sql):
    try:
        cursor = connection.execute(sql)
        return {"rows": len(cursor.fetchall()) if cursor.description else 0}
    except psycopg.Error as error:
        diag = error.diag
        return {"code": diag.sqlstate, "detail": diag.message_detail, "hint": diag.message_hint, "position": diag.statement_position}


def main():
    said = []
    with psycopg.connect(autocommit=True) as connection:
        for sql in json.load(sys.stdin):
            alone = outcome(connection, sql)
            connection.execute("begin")
            connection.execute("select 1")
            inside = outcome(connection, sql)
            status = connection.info.transaction_status.name
            connection.execute("rollback")
            said.append({"sql": sql, "alone": alone, "inside": inside, "status": status})
        said.append({"after": outcome(connection, "select 1")})
    print(json.dumps(said))


main()
