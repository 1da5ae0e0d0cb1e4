"""SQLAlchemy over psycopg2: everything its inspector offers, reflection, and an ORM at work on tables with and without masks."""
import datetime

from sqlalchemy import MetaData, Table, create_engine, func, inspect, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session, selectinload

from cases import case, end

engine = create_engine("postgresql+psycopg2://")
case("dialect", lambda: [engine.connect().dialect.server_version_info, engine.dialect.default_schema_name])
inspector = inspect(engine)
case("schemas", inspector.get_schema_names)
for schema in ("public", "open"):
    case(f"tables of {schema}", inspector.get_table_names, schema)
    case(f"sorted tables of {schema}", inspector.get_sorted_table_and_fkc_names, schema)
    case(f"views of {schema}", inspector.get_view_names, schema)
    case(f"materialised views of {schema}", inspector.get_view_names, schema, "materialized")
    case(f"sequences of {schema}", inspector.get_sequence_names, schema)
    case(f"enums of {schema}", inspector.get_enums, schema)
    case(f"foreign tables of {schema}", inspector.get_foreign_table_names, schema)
    for table in inspector.get_table_names(schema) + inspector.get_view_names(schema):
        for what in ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints", "check_constraints", "table_comment"):
            case(f"{what} of {schema}.{table}", getattr(inspector, f"get_{what}"), table, schema)
case("view definition", inspector.get_view_definition, "order_totals", "public")
case("table oid", lambda: inspector.get_table_oid("orders", "public") > 0)
case("has table", lambda: [inspector.has_table("orders"), inspector.has_table("nothing"), inspector.has_table("boxes", "open")])


def reflected(schema):
    metadata = MetaData()
    metadata.reflect(engine, schema=schema, views=True)
    return {name: [repr(column) for column in table.columns if column.name not in ("email",)] + sorted(index.name for index in table.indexes) for name, table in sorted(metadata.tables.items())}


case("reflection of public", reflected, "public")
case("reflection of open", reflected, "open")
scratch = automap_base()
scratch.prepare(engine, schema="scratch", reflect=True)
public = automap_base()
public.prepare(engine, reflect=True)
Author, Book = scratch.classes.authors, scratch.classes.books
Customer, Order = public.classes.customers, public.classes.orders
case("mapped", lambda: sorted(public.classes.keys()))


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
        session.execute(insert(Author).values(id=3, name="upserted").on_conflict_do_update(index_elements=["id"], set_={"name": "upserted", "email_count": Author.email_count + 5}))
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
    case("streamed", lambda: sum(row[0] for row in session.execute(select(Order.id).order_by(Order.id).execution_options(yield_per=50))))
    case("exists", lambda: session.scalar(select(select(Customer).where(Customer.country == "NO").exists())))
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    case("autocommit", lambda: connection.execute(text("SELECT now() = statement_timestamp()")).scalar())
with engine.connect().execution_options(isolation_level="SERIALIZABLE", postgresql_readonly=True, postgresql_deferrable=True) as connection:
    case("read only", lambda: [connection.execute(text(f"SHOW transaction_{what}")).scalar() for what in ("isolation", "read_only", "deferrable")])
case("core table", lambda: repr(Table("payments", MetaData(), autoload_with=engine).c.amount))
end()
