"""Django: introspection and its commands, models made by inspectdb, and the ORM at work on tables with and without masks."""
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

from cases import MASKED, case, end

# An application of no file: relations are followed among models of installed applications only.
shop = types.ModuleType("shop")
shop.__path__ = [os.path.dirname(__file__)]
sys.modules["shop"] = shop
environment = os.environ
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": environment["PGDATABASE"],
            "USER": environment["PGUSER"],
            "PASSWORD": environment["PGPASSWORD"],
            "HOST": environment["PGHOST"],
            "PORT": environment["PGPORT"],
            "OPTIONS": {"sslmode": "verify-full", "sslrootcert": environment["PGSSLROOTCERT"]},
        }
    },
    INSTALLED_APPS=["django.contrib.postgres", "django.contrib.contenttypes", "django.contrib.auth", "shop"],
    USE_TZ=True,
    TIME_ZONE="Europe/Oslo",
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
case("inspectdb with views and partitions", command, "inspectdb", include_views=True, include_partitions=True)
introspection = connection.introspection
with connection.cursor() as cursor:
    case("table list", lambda: sorted(introspection.get_table_list(cursor)))
    case("sequence list", introspection.sequence_list)
    for table in ("customers", "orders", "items", "payments", "products", "documents", "visits"):
        case(f"description of {table}", lambda: [list(column[:7]) for column in introspection.get_table_description(cursor, table)])
        case(f"relations of {table}", introspection.get_relations, cursor, table)
        case(f"constraints of {table}", introspection.get_constraints, cursor, table)
        case(f"primary key of {table}", introspection.get_primary_key_column, cursor, table)
        case(f"sequences of {table}", introspection.get_sequences, cursor, table)

exec(compile("\n".join(command("inspectdb", "customers", "orders", "items", "products", "payments", "tasks")), "inspected", "exec"), shop.__dict__)
Customers, Orders, Products, Payments, Tasks = shop.Customers, shop.Orders, shop.Products, shop.Payments, shop.Tasks
bare = lambda model: [field.attname for field in model._meta.fields if field.attname not in MASKED]


class Author(models.Model):
    name = models.TextField()
    email_count = models.IntegerField(default=0)

    class Meta:
        managed = False
        app_label = "shop"
        db_table = 'scratch"."authors'


def written():
    with transaction.atomic():
        Author.objects.bulk_create([Author(name=f"author {n}", email_count=n) for n in range(4)])
        one = Author.objects.create(name="single")
        one.name = "saved"
        one.save()
        Author.objects.filter(email_count__gt=2).update(email_count=F("email_count") * 10)
        Author.objects.filter(name="author 0").delete()
    try:
        with transaction.atomic():
            Author.objects.create(name="forgotten")
            raise ValueError
    except ValueError:
        pass
    found, made = Author.objects.get_or_create(name="saved")
    return [made] + list(Author.objects.order_by("id").values())


case("written", written)
case("masked rows", lambda: list(Customers.objects.order_by("id").values(*bare(Customers))[:20]))
case("masked objects", lambda: [str(one.name) for one in Customers.objects.order_by("id")[:20]])
case("filtered", lambda: list(Customers.objects.filter(Q(country="NO") | Q(name__icontains="7")).exclude(joined__year=2024).order_by("id").values_list("id", flat=True)))
case("aggregated", lambda: Orders.objects.aggregate(Count("id"), Sum("total"), Avg("total"), Max("placed")))
case("annotated", lambda: list(Customers.objects.annotate(n=Count("orders"), spent=Sum("orders__total")).order_by("-spent", "id").values("id", "name", "n", "spent")[:10]))
case("by month", lambda: list(Orders.objects.annotate(month=TruncMonth("placed")).values("month").annotate(n=Count("id")).order_by("month")))
case("select_related", lambda: [[one.id, one.customer.name] for one in Orders.objects.select_related("customer").order_by("id")[:10]])
case("prefetch_related", lambda: [[one.name, sorted(order.id for order in one.orders_set.all())] for one in Customers.objects.prefetch_related("orders_set").order_by("id")[:5]])
case("subquery", lambda: list(Customers.objects.annotate(last=Subquery(Orders.objects.filter(customer=OuterRef("pk")).order_by("-placed").values("status")[:1])).order_by("id").values("id", "last")[:10]))
case("window", lambda: list(Orders.objects.annotate(nr=Window(RowNumber(), partition_by=[F("status")], order_by=F("placed").asc())).order_by("id").values("id", "nr")[:20]))
case("json", lambda: list(Products.objects.filter(attributes__weight__gt=300).order_by("id").values("id", "attributes")))
case("functions", lambda: list(Customers.objects.annotate(low=Lower("name"), month=ExtractMonth("joined")).order_by("id").values("low", "month")[:5]))
case("explain", lambda: Orders.objects.filter(id__lt=5).explain())
case("chunked", lambda: sum(one.id for one in Orders.objects.order_by("id").iterator(chunk_size=50)))
case("locked", lambda: transaction.atomic()(lambda: list(Tasks.objects.select_for_update().filter(id__lt=4).order_by("id").values("id", "state")))())
case("union", lambda: list(Tasks.objects.filter(state="new").values_list("id").union(Tasks.objects.filter(points=0).values_list("id")).order_by("id")))
case("get", lambda: Payments.objects.get(id=7).amount)
end()
