"""The ODBC driver, as spreadsheets and BI tools use it: its catalogue functions, parameters, and rows."""
import os

import pyodbc

from cases import case, end

variables = {"DRIVER": "PostgreSQL Unicode", "SERVER": "PGHOST", "PORT": "PGPORT", "DATABASE": "PGDATABASE", "UID": "PGUSER", "PWD": "PGPASSWORD", "SSLmode": "PGSSLMODE"}
# The authority's file is libpq's to find, by PGSSLROOTCERT.
connection = pyodbc.connect(";".join(f"{key}={os.environ.get(value, value)}" for key, value in variables.items()), autocommit=True)
cursor = connection.cursor()


def rows(result):
    names = [column[0] for column in result.description]
    return [dict(zip(names, row)) for row in result.fetchall()]


def asked(function, **arguments):
    return rows(getattr(cursor, function)(**arguments))


for schema in ("public", "open"):
    case(f"tables of {schema}", asked, "tables", schema=schema)
    case(f"columns of {schema}", asked, "columns", schema=schema)
    case(f"procedures of {schema}", asked, "procedures", schema=schema)
    case(f"procedure columns of {schema}", asked, "procedureColumns", schema=schema)
case("catalogues", lambda: len(asked("tables", catalog="%", schema="", table="")) > 0)
case("schemas", asked, "tables", catalog="", schema="%", table="")
for table in ("customers", "orders", "items", "payments"):
    case(f"statistics of {table}", asked, "statistics", table=table, schema="public")
    case(f"primary keys of {table}", asked, "primaryKeys", table=table, schema="public")
    case(f"foreign keys of {table}", asked, "foreignKeys", table=table, schema="public")
    case(f"referring to {table}", asked, "foreignKeys", foreignTable=table, foreignSchema="public")
    case(f"row ids of {table}", asked, "rowIdColumns", table=table, schema="public")
    case(f"row versions of {table}", asked, "rowVerColumns", table=table, schema="public")
for kind in (0, pyodbc.SQL_VARCHAR, pyodbc.SQL_INTEGER, pyodbc.SQL_TYPE_TIMESTAMP):
    case(f"type info {kind}", asked, "getTypeInfo", sqlType=kind)
case("masked rows", lambda: rows(cursor.execute("SELECT * FROM customers ORDER BY id LIMIT 20")))
case("parameters", lambda: rows(cursor.execute("SELECT id, name, country FROM customers WHERE country = ? AND id < ? ORDER BY id", "NO", 40)))
case("described", lambda: [list(map(str, column)) for column in cursor.execute("SELECT id, name, price, attributes FROM products WHERE id = 1").description])


def written():
    connection.autocommit = False
    cursor.executemany("INSERT INTO scratch.authors (name, email_count) VALUES (?, ?)", [("one", 1), ("two", 2)])
    connection.commit()
    cursor.execute("UPDATE scratch.authors SET email_count = 9")
    count = cursor.rowcount
    connection.rollback()
    connection.autocommit = True
    return [count] + rows(cursor.execute("SELECT * FROM scratch.authors ORDER BY id"))


case("written", written)
case("error", lambda: rows(cursor.execute("SELECT nothing FROM orders")))
end()
