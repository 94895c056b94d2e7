"""Orders of 12 lines in django-oscar, for `clinic-orders bench web --peers`. Run by the interpreter it is installed in.

    python oscar_order.py FOLDER

makes an SQLite database in FOLDER with 40 medicines in stock, prints one line of JSON, then reads numbers from its
standard input: for each it places so many orders and prints their seconds as JSON.

An order is what oscar's check-out does: a basket of 12 products, offers applied, the total worked out, then
OrderCreator.place_order and the basket submitted, in the server's own process and in one transaction, as its
recommended ATOMIC_REQUESTS makes it, without HTTP.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

LINES = 12
PRODUCTS = 40
DOES_MORE = "baskets as records, offers and vouchers, stock allocated, prices with and without tax, a price record a line"
DOES_LESS = (
    "no HTTP request, no session, no CSRF token, no check of edition, letter or duplicate, no audit, "
    "one order whatever the number of partners"
)


def configure(folder: Path) -> None:
    """Django with oscar's applications and an SQLite database."""
    import django
    import oscar
    from django.conf import settings
    from oscar import defaults

    options = {name: getattr(defaults, name) for name in dir(defaults) if name.startswith("OSCAR_")}
    settings.configure(
        **options,
        SECRET_KEY="only for measuring",
        USE_TZ=True,
        SITE_ID=1,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "oscar.sqlite"),
                # The same care for the disk as in our own measurement.
                "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        INSTALLED_APPS=oscar.INSTALLED_APPS,
        MIDDLEWARE=[],
    )
    django.setup()


def fill() -> list[int]:
    """Products of one class with a stock record each; their ids."""
    from oscar.core.loading import get_model

    partner = get_model("partner", "Partner").objects.create(name="Distributor")
    kind = get_model("catalogue", "ProductClass").objects.create(name="Medicine", requires_shipping=True)
    Product = get_model("catalogue", "Product")
    StockRecord = get_model("partner", "StockRecord")
    found = []
    for number in range(PRODUCTS):
        product = Product.objects.create(
            title=f"Medicine {number:02d}", product_class=kind, upc=f"LY{number:03d}"
        )
        StockRecord.objects.create(
            product=product,
            partner=partner,
            partner_sku=f"LY{number:03d}",
            price_currency="GBP",
            price=Decimal("3.36"),
            num_in_stock=10**7,
        )
        found.append(product.id)
    return found


def order_placer(product_ids: list[int]) -> Callable[[], float]:
    """A function that places one order and returns how many seconds it took."""
    from django.contrib.auth import get_user_model
    from django.db import transaction
    from oscar.core.loading import get_class, get_model

    Basket = get_model("basket", "Basket")
    Product = get_model("catalogue", "Product")
    Order = get_model("order", "Order")
    Free = get_class("shipping.methods", "Free")
    Default = get_class("partner.strategy", "Default")
    Applicator = get_class("offer.applicator", "Applicator")
    OrderCreator = get_class("order.utils", "OrderCreator")
    Calculator = get_class("checkout.calculators", "OrderTotalCalculator")
    user = get_user_model().objects.create_user("clinic", "clinic@example.org", "only for measuring")
    placed = 0

    def place() -> float:
        nonlocal placed
        first = placed * LINES
        placed += 1
        wanted = [product_ids[(first + line) % len(product_ids)] for line in range(LINES)]
        began = time.perf_counter()
        with transaction.atomic():
            basket = Basket.objects.create(owner=user)
            basket.strategy = Default()
            for quantity, product in enumerate(
                Product.objects.base_queryset().filter(id__in=wanted), start=1
            ):
                basket.add_product(product, quantity)
            Applicator().apply(basket, user)
            method = Free()
            charge = method.calculate(basket)
            order = OrderCreator().place_order(
                user=user,
                basket=basket,
                shipping_method=method,
                shipping_charge=charge,
                total=Calculator().calculate(basket, charge),
            )
            basket.set_as_submitted()
        seconds = time.perf_counter() - began
        if placed == 1 and Order.objects.get(id=order.id).lines.count() != LINES:
            raise SystemExit("unexpected number of lines")
        return seconds

    return place


def main(folder: Path) -> None:
    """Set up, say ready, place orders as asked."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("oscar.sqlite*"):
        old.unlink()
    configure(folder)
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    place = order_placer(fill())
    with connection.cursor() as cursor:
        # Statistics of the data at hand, as a database in use has them.
        cursor.execute("ANALYZE")
    facts = {
        "peer": "django-oscar",
        "versions": {name: version(name) for name in ("django-oscar", "django")},
        "does_more": DOES_MORE,
        "does_less": DOES_LESS,
    }
    print(json.dumps(facts), flush=True)
    for asked in sys.stdin:
        print(json.dumps([place() for _ in range(int(asked))]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
