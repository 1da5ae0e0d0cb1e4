"""What the Python clients share: where to connect, and one line for each thing seen."""
import json
import os
import ssl
import time


def login():
    """host, port, user, password, database of libpq's variables, under the names that DB-API drivers use."""
    keys = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "database": "PGDATABASE"}
    return {key: os.environ[name] for key, name in keys.items()}


def verified():
    """A TLS context that checks chain and name."""
    return ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])


def say(name, value):
    print(name + ": " + json.dumps(value, default=plain, ensure_ascii=True, sort_keys=True), flush=True)


SLEEPING = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"


def once_sleeping(asks, cancel):
    """Cancels when the server has the statement: before, there would be nothing to cancel. `asks` tells whether SLEEPING finds one."""
    for _ in range(1500):
        if asks():
            break
        time.sleep(0.02)
    cancel()


def plain(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes " + bytes(value).hex()
    return type(value).__name__ + " " + str(value)


def diagnosis(error, diag):
    """What a program can read off an error of the server, but for its source lines and this process's id."""
    names = ["severity", "sqlstate", "message_primary", "message_detail", "message_hint", "statement_position",
             "table_name", "column_name", "constraint_name", "schema_name", "context"]
    return [type(error).__name__] + [getattr(diag, name, None) for name in names]
