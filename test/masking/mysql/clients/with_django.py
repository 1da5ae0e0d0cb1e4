"""Django over mysqlclient: introspection and its commands, models made by inspectdb, and the ORM at work under masks and not."""
import io
import os
import sys
import types

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import Avg, Count, F, Max, OuterRef, Q, Subquery, Sum, Window
from django.db.models.functions import ExtractMonth, Lower, RowNumber, TruncMonth

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../clients"))
from cases import MASKED, case, end  # noqa: E402

# An application of no file: relations are followed among models of installed applications only.
shop = types.ModuleType("shop")
shop.__path__ = [os.path.dirname(__file__)]
sys.modules["shop"] = shop
environment = os.environ
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": environment["DB_NAME"],
            "USER": environment["DB_USER"],
            "PASSWORD": environment["DB_PASSWORD"],
            # "localhost" would mean the server's own socket.
            "HOST": "127.0.0.1",
            "PORT": environment["DB_PORT"],
            "OPTIONS": {"ssl": {"ca": environment["DB_CA"]}, "charset": "utf8mb4"},
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop"],
    USE_TZ=True,
    TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()


def command(*words, **options):
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=out, **options)
    return out.getvalue().split("\n")


case("check", command, "check", databases=["default"])
case("showmigrations", command, "showmigrations")
case("showmigrations --plan", command, "showmigrations", format="plan")
case("migrate --plan", command, "migrate", plan=True)
case("sqlmigrate", command, "sqlmigrate", "auth", "0001")
case("inspectdb", command, "inspectdb")
case("inspectdb with views", command, "inspectdb", include_views=True)
introspection = connection.introspection
case("features", lambda: [connection.mysql_is_mariadb, connection.features.supports_transactions, connection.features.has_zoneinfo_database, sorted(connection.sql_mode), connection.features.can_introspect_foreign_keys, connection.data_type_check_constraints])
with connection.cursor() as cursor:
    case("table list", lambda: sorted(introspection.get_table_list(cursor)))
    case("storage engine", introspection.get_storage_engine, cursor, "customers")
    for table in ("customers", "orders", "items", "payments", "products", "staff", "books"):
        case(f"description of {table}", lambda: [list(column) for column in introspection.get_table_description(cursor, table)])
        case(f"relations of {table}", introspection.get_relations, cursor, table)
        case(f"key columns of {table}", introspection.get_key_columns, cursor, table)
        case(f"constraints of {table}", introspection.get_constraints, cursor, table)
        case(f"primary key of {table}", introspection.get_primary_key_column, cursor, table)

exec(compile("\n".join(command("inspectdb", "customers", "orders", "items", "products", "payments", "tasks", "authors")), "inspected", "exec"), shop.__dict__)
Customers, Orders, Products, Payments, Tasks = shop.Customers, shop.Orders, shop.Products, shop.Payments, shop.Tasks
Author = shop.Authors
bare = lambda model: [field.attname for field in model._meta.fields if field.attname not in MASKED]


def written():
    with transaction.atomic():
        Author.objects.bulk_create([Author(name=f"author {n}", posts=n) for n in range(4)])
        one = Author.objects.create(name="single", posts=0)
        one.name = "saved"
        one.save()
        Author.objects.filter(posts__gt=2).update(posts=F("posts") * 10)
        Author.objects.filter(name="author 0").delete()
        Author.objects.bulk_create([Author(id=one.id, name="ignored", posts=1)], ignore_conflicts=True)
    try:
        with transaction.atomic():
            Author.objects.create(name="forgotten", posts=0)
            raise ValueError
    except ValueError:
        pass
    found, made = Author.objects.get_or_create(name="saved", defaults={"posts": 0})
    Author.objects.update_or_create(name="updated", defaults={"posts": 8})
    return [made] + list(Author.objects.order_by("id").values())


case("written", written)
case("masked rows", lambda: list(Customers.objects.order_by("id").values()[:20]))
case("masked objects", lambda: [str(one.name) for one in Customers.objects.order_by("id")[:20]])
case("unmasked columns", lambda: list(Customers.objects.order_by("id").values(*bare(Customers))[:20]))
case("filtered", lambda: list(Customers.objects.filter(Q(country="NO") | Q(name__icontains="7")).exclude(joined__year=2024).order_by("id").values_list("id", flat=True)))
case("by expression", lambda: list(Customers.objects.filter(name__regex="^name 1[0-9]$").order_by("id").values_list("id", flat=True)))
case("aggregated", lambda: Orders.objects.aggregate(Count("id"), Sum("total"), Avg("total"), Max("placed")))
case("annotated", lambda: list(Customers.objects.annotate(n=Count("orders"), spent=Sum("orders__total")).order_by("-spent", "id").values("id", "name", "n", "spent")[:10]))
case("by month", lambda: list(Orders.objects.annotate(month=TruncMonth("placed")).values("month").annotate(n=Count("id")).order_by("month")))
case("select_related", lambda: [[one.id, one.customer.name] for one in Orders.objects.select_related("customer").order_by("id")[:10]])
case("prefetch_related", lambda: [[one.name, sorted(order.id for order in one.orders_set.all())] for one in Customers.objects.prefetch_related("orders_set").order_by("id")[:5]])
case("subquery", lambda: list(Customers.objects.annotate(last=Subquery(Orders.objects.filter(customer=OuterRef("pk")).order_by("-placed").values("status")[:1])).order_by("id").values("id", "last")[:10]))
case("window", lambda: list(Orders.objects.annotate(nr=Window(RowNumber(), partition_by=[F("status")], order_by=F("placed").asc())).order_by("id").values("id", "nr")[:20]))
case("json", lambda: list(Products.objects.filter(price__gt=100).order_by("id").values("id", "attributes")))
case("functions", lambda: list(Customers.objects.annotate(low=Lower("name"), month=ExtractMonth("joined")).order_by("id").values("low", "month")[:5]))
case("chunked", lambda: sum(one.id for one in Orders.objects.order_by("id").iterator(chunk_size=50)))
case("locked", lambda: transaction.atomic()(lambda: list(Tasks.objects.select_for_update().filter(id__lt=4).order_by("id").values("id", "state")))())
case("union", lambda: list(Tasks.objects.filter(state="new").values_list("id").union(Tasks.objects.filter(points=0).values_list("id")).order_by("id")))
case("get", lambda: Payments.objects.get(id=7).amount)
end()
