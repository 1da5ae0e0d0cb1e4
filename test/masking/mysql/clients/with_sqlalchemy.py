"""SQLAlchemy over PyMySQL and mysqlclient: its inspector, reflection, and an ORM at work on tables with and without masks."""
import datetime
import os
import sys

from sqlalchemy import MetaData, Table, create_engine, func, inspect, select, text, tuple_
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.engine import URL
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session, selectinload

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../clients"))
from cases import case, end  # noqa: E402

environment = os.environ
DRIVERS = {"pymysql": {"ssl": {"ca": environment["DB_CA"]}}, "mysqldb": {"ssl": {"ca": environment["DB_CA"]}}}
# "localhost" would mean the server's own socket to mysqlclient.
urls = {driver: URL.create(f"mysql+{driver}", environment["DB_USER"], environment["DB_PASSWORD"], "127.0.0.1", int(environment["DB_PORT"]), environment["DB_NAME"], query={"charset": "utf8mb4"}) for driver in DRIVERS}
engines = {driver: create_engine(urls[driver], connect_args=arguments) for driver, arguments in DRIVERS.items()}
engine = engines["pymysql"]
case("mysqlclient", lambda: [list(row) for row in engines["mysqldb"].connect().execute(text("SELECT id, name FROM customers WHERE country = :country ORDER BY id"), {"country": "NO"})])
case("dialect", lambda: [engine.connect().dialect.default_schema_name, engine.dialect.is_mariadb, engine.dialect.server_version_info[:2]])
inspector = inspect(engine)
case("schemas", lambda: [name for name in inspector.get_schema_names() if name in ("app", "information_schema")])
case("tables", inspector.get_table_names)
case("sorted tables", lambda: [[table, sorted(map(str, keys))] for table, keys in inspector.get_sorted_table_and_fkc_names()])
case("views", inspector.get_view_names)
for table in inspector.get_table_names() + inspector.get_view_names():
    for what in ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints", "check_constraints", "table_comment", "table_options"):
        case(f"{what} of {table}", getattr(inspector, f"get_{what}"), table)
case("view definition", inspector.get_view_definition, "order_totals")
case("has table", lambda: [inspector.has_table("orders"), inspector.has_table("nothing")])


def reflected():
    metadata = MetaData()
    metadata.reflect(engine, views=True)
    return {name: [repr(column) for column in table.columns] + sorted(index.name for index in table.indexes) for name, table in sorted(metadata.tables.items())}


case("reflection", reflected)
mapped = automap_base()
mapped.prepare(engine, reflect=True)
case("mapped", lambda: sorted(mapped.classes.keys()))
Author, Book, Customer, Order = mapped.classes.authors, mapped.classes.books, mapped.classes.customers, mapped.classes.orders


def told(thing):
    return {column.key: getattr(thing, column.key) for column in inspect(type(thing)).columns}


def created():
    with Session(engine) as session:
        session.add_all([Author(name=f"author {n}", books_collection=[Book(title=f"book {n}.{m}", price=n + m / 4, facts={"n": [n, None]}, written=datetime.date(2024, n, m)) for m in (1, 2)]) for n in (1, 2, 3)])
        session.commit()
        return [told(book) for book in session.scalars(select(Book).order_by(Book.id))]


def changed():
    with Session(engine) as session:
        author = session.get(Author, 2)
        author.name = "renamed"
        session.delete(session.get(Book, 1))
        session.flush()
        session.execute(insert(Author).values(id=3, name="upserted").on_duplicate_key_update(name="upserted", posts=Author.posts + 5))
        with session.begin_nested() as point:
            session.add(Author(name="forgotten"))
            session.flush()
            point.rollback()
        session.commit()
        return [told(one) for one in session.scalars(select(Author).options(selectinload(Author.books_collection)).order_by(Author.id))]


case("created", created)
case("changed", changed)
with Session(engine) as session:
    case("masked rows", lambda: [told(one) for one in session.scalars(select(Customer).order_by(Customer.id).limit(20))])
    case("joined", lambda: [list(row) for row in session.execute(select(Customer.name, func.count(Order.id), func.sum(Order.total)).join(Order, Order.customer == Customer.id).group_by(Customer.id).order_by(Customer.id).limit(20))])
    case("keyset page", lambda: [list(row) for row in session.execute(select(Customer.id, Customer.name).where(tuple_(Customer.joined, Customer.id) > (datetime.date(2023, 6, 1), 5)).order_by(Customer.joined, Customer.id).limit(5))])
    case("loaded along", lambda: [[one.id, len(one.orders_collection)] for one in session.scalars(select(Customer).options(selectinload(Customer.orders_collection)).order_by(Customer.id).limit(10))])
    case("streamed", lambda: sum(row[0] for row in session.execute(select(Order.id).order_by(Order.id).execution_options(stream_results=True, yield_per=50))))
    case("exists", lambda: session.scalar(select(select(Customer).where(Customer.country == "NO").exists())))
    case("locked", lambda: [told(one) for one in session.scalars(select(Author).order_by(Author.id).with_for_update())])
for level in ("AUTOCOMMIT", "SERIALIZABLE", "READ COMMITTED"):
    with engine.connect().execution_options(isolation_level=level) as connection:
        case(f"isolation {level}", lambda: [connection.get_isolation_level(), connection.execute(text("SELECT COUNT(*) FROM tasks")).scalar()])
case("core table", lambda: repr(Table("payments", MetaData(), autoload_with=engine).c.amount))
case("pre-pinged", lambda: create_engine(urls["pymysql"], connect_args=DRIVERS["pymysql"], pool_pre_ping=True).connect().execute(text("SELECT 1")).scalar())
end()
