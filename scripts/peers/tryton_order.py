"""Orders of 12 lines in Tryton, for `clinic-orders bench web --peers`. Run by the interpreter Tryton is installed in.

    python tryton_order.py FOLDER

makes an SQLite database in FOLDER (in a minute) with a company, a supplier and 40 medicines, prints one line of JSON, then reads
numbers from its standard input: for each it places so many orders and prints their seconds as JSON.

An order is what Tryton's server does for a purchase: Purchase.create, quote, confirm and process, called in the
server's own process in one transaction, without HTTP, without a session and without its JSON-RPC.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

DATABASE = "peer"
LINES = 12
PRODUCTS = 40
DOES_MORE = (
    "writes 12 stock moves to come and cached amounts, looks for taxes, keeps the documents' states and links"
)
DOES_LESS = (
    "no HTTP request, no session, no CSRF token, no check of price, edition, letter or duplicate, no audit, "
    "one supplier and so one order"
)


def main(folder: Path) -> None:
    """Set up, say ready, place orders as asked."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TRYTOND_DATABASE_URI"] = "sqlite://"
    os.environ["TRYTOND_DATABASE__PATH"] = str(folder)
    os.environ["DB_NAME"] = DATABASE
    (folder / f"{DATABASE}.sqlite").unlink(missing_ok=True)
    activate_modules(folder)
    supplier, products = fill()
    place = order_placer(supplier, products)
    facts = {
        "peer": "tryton",
        "versions": {name: version(name) for name in ("trytond", "trytond-purchase", "trytond-stock")},
        "does_more": DOES_MORE,
        "does_less": DOES_LESS,
    }
    print(json.dumps(facts), flush=True)
    for asked in sys.stdin:
        print(json.dumps([place() for _ in range(int(asked))]), flush=True)


def activate_modules(folder: Path) -> None:
    """Make the database with the purchase module and what it rests on."""
    (folder / f"{DATABASE}.sqlite").touch()
    password = folder / "password"
    password.write_text("only for measuring\n")
    admin = [Path(sys.executable).parent / "trytond-admin", "-d", DATABASE]
    for arguments in (
        ["--all", "--email", "nobody@example.org"],
        ["-u", "purchase", "--activate-dependencies"],
    ):
        done = subprocess.run(
            [*admin, *arguments],
            env={**os.environ, "TRYTONPASSFILE": str(password)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"trytond-admin failed:\n{done.stderr[-2000:]}")


def fill() -> tuple[int, list[int]]:
    """A company with accounts, a supplier with an address, medicines; the ids of supplier and medicines."""
    from proteus import Model
    from proteus import config as proteus_config
    from trytond.modules.account.tests.tools import create_chart, get_accounts
    from trytond.modules.company.tests.tools import create_company

    proteus_config.set_trytond()
    create_company()
    create_chart()
    accounts = get_accounts()
    Party = Model.get("party.party")
    supplier = Party(name="Distributor")
    supplier.save()
    category = Model.get("product.category")(name="Medicines", accounting=True)
    category.account_expense = accounts["expense"]
    category.account_revenue = accounts["revenue"]
    category.save()
    (unit,) = Model.get("product.uom").find([("name", "=", "Unit")])
    products = []
    for number in range(PRODUCTS):
        template = Model.get("product.template")()
        template.name = f"Medicine {number:02d}"
        template.default_uom = unit
        template.type = "goods"
        template.purchasable = True
        template.list_price = Decimal("3.36")
        template.account_category = category
        template.save()
        products.append(template.products[0].id)
    return supplier.id, products


def order_placer(supplier_id: int, product_ids: list[int]) -> Callable[[], float]:
    """A function that places one order and returns how many seconds it took."""
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    pool = Pool(DATABASE)
    with Transaction().start(DATABASE, 0):
        User = pool.get("res.user")
        (admin,) = User.search([("login", "=", "admin")])
        user = admin.id
        with Transaction().set_user(user):
            context = User.get_preferences(context_only=True)
        address = pool.get("party.party")(supplier_id).address_get("invoice").id
        (company,) = pool.get("company.company").search([])
        company_id, currency_id = company.id, company.currency.id
        (warehouse,) = pool.get("stock.location").search([("type", "=", "warehouse")])
        warehouse_id = warehouse.id
        unit_id = pool.get("product.product")(product_ids[0]).default_uom.id
    context["company"] = company_id
    context["_skip_warnings"] = True
    placed = 0

    def place() -> float:
        nonlocal placed
        first = placed * LINES
        placed += 1
        values = {
            "company": company_id,
            "currency": currency_id,
            "party": supplier_id,
            "invoice_address": address,
            "warehouse": warehouse_id,
            # As here, what is to be paid arises with the goods, not with the order.
            "invoice_method": "fulfillment",
            "lines": [
                (
                    "create",
                    [
                        {
                            "type": "line",
                            "product": product_ids[(first + line) % len(product_ids)],
                            "quantity": 1.0 + line,
                            "unit": unit_id,
                            "unit_price": Decimal("3.36"),
                        }
                        for line in range(LINES)
                    ],
                )
            ],
        }
        began = time.perf_counter()
        with Transaction().start(DATABASE, user, context=dict(context)) as transaction:
            Purchase = pool.get("purchase.purchase")
            (purchase,) = Purchase.create([values])
            Purchase.quote([purchase])
            Purchase.confirm([purchase])
            Purchase.process([purchase])
            transaction.commit()
            purchase_id = purchase.id
        seconds = time.perf_counter() - began
        if placed == 1:
            with Transaction().start(DATABASE, user, context=dict(context)):
                purchase = pool.get("purchase.purchase")(purchase_id)
                moves = len(purchase.moves)
                if (purchase.state, moves, len(purchase.lines)) != ("processing", LINES, LINES):
                    raise SystemExit(
                        f"unexpected purchase: {purchase.state}, {len(purchase.lines)} lines, {moves} moves"
                    )
        return seconds

    return place


if __name__ == "__main__":
    main(Path(sys.argv[1]))
