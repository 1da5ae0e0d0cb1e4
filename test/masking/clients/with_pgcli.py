"""pgcli: what it asks to complete names, and its own backslash commands."""
import os
import warnings

warnings.simplefilter("ignore")
from pgcli.pgexecute import PGExecute  # noqa: E402
from pgspecial.main import PGSpecial  # noqa: E402

from cases import case, end  # noqa: E402

executor = PGExecute(dsn="", database=os.environ["PGDATABASE"])
special = PGSpecial()
for name in ("search_path", "schemata", "tables", "views", "table_columns", "view_columns", "datatypes", "functions", "casing", "foreignkeys", "databases", "full_databases", "get_timezone", "is_superuser", "get_socket_directory"):
    if hasattr(executor, name):
        case(name, lambda: list(answer) if not isinstance(answer := getattr(executor, name)(), (str, bool)) else answer)
case("view definition", executor.view_definition, "order_totals")
case("function definition", executor.function_definition, "open.twice")
case("server version", lambda: executor.server_version)
for command in (r"\dt", r"\d customers", r"\d+ orders", r"\dv", r"\di", r"\ds", r"\df open.*", r"\dT", r"\dn", r"\du", r"\l", r"\db", r"\dx", r"\dm", r"\dp", r"\sf open.twice", r"\dF", r"\dD", r"\ddp", r"\dE"):
    case(command, lambda: [[title, list(rows) if rows is not None else None, list(headers or []), status] for title, rows, headers, status, *_ in executor.run(command, special)])
case("SELECT", lambda: [list(rows) for _, rows, *_ in executor.run("SELECT id, name FROM customers ORDER BY id LIMIT 5", special)])
end()
