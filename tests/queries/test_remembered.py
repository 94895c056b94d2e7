"""What a process remembers between pages is never older than the database, and the triggers that see to it are there."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from sqlalchemy import select, text

from clinic_orders.actions.transaction import transaction
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import County, Distributor
from clinic_orders.models.stamps import WATCHED, Stamp
from clinic_orders.queries.ordering import Relations, items_on
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.remembered import Stamps, forget_stamps, learn, remembered
from tests.people import NOW

DAY = date(2026, 11, 20)

_SAMPLES = {
    "item": (
        "INSERT INTO item (item_code, generic_name, form, strength, pack_size, base_unit, manufacturer, batch,"
        " approval_no, nhsa_code, variety, substitute_group, suits, supplies_here, cold_chain, pack_size_basis,"
        " supply_regions, source, search_text, search_initials, search_pinyin, recorded_at)"
        " VALUES ('T1', '药', '片', '1g', 1, '片', '厂', '一', '', '', '', '', '', false, false, '', '', '', '', '',"
        " '', '2026-01-01 00:00:00')"
    ),
    "price": (
        "INSERT INTO price (item_id, valid_from, pack_price, document_no, recorded_at)"
        " SELECT id, '2026-01-01', 10000, '', '2026-01-01 00:00:00' FROM item"
    ),
    "edition": (
        "INSERT INTO edition (edition, valid_from, recorded_at) VALUES ('E1', '2026-01-01', '2026-01-01 00:00:00')"
    ),
    "edition_item": "INSERT INTO edition_item (edition_id, item_id) SELECT edition.id, item.id FROM edition, item",
    "policy_value": (
        "INSERT INTO policy_value (parameter, kind, scale, valid_from, value, document_no, confirmed, example,"
        " recorded_at) VALUES ('order.max_packs', '', '', '2026-01-01', '500', '', true, false,"
        " '2026-01-01 00:00:00')"
    ),
    "delivery_relation": (
        "INSERT INTO delivery_relation (county_code, distributor_id, valid_from, recorded_at)"
        " SELECT county.code, distributor.id, '2026-01-01', '2026-01-01 00:00:00' FROM county, distributor"
    ),
}
_UPDATES = {
    "item": "UPDATE item SET generic_name = '名'",
    "price": "UPDATE price SET pack_price = 20000",
    "edition": "UPDATE edition SET valid_from = '2026-02-01'",
    "edition_item": "UPDATE edition_item SET item_id = item_id",
    "policy_value": "UPDATE policy_value SET value = '600'",
    "delivery_relation": "UPDATE delivery_relation SET valid_to = '2026-03-01'",
}


def tokens() -> dict[str, str]:
    return {row.name: row.token for row in db.session.execute(select(Stamp.name, Stamp.token))}


def stamps() -> Stamps:
    return Stamps(**tokens())


@pytest.mark.both_databases
def test_every_change_of_a_watched_table_gives_a_new_token_and_only_to_its_stamp(app):
    db.session.add_all(
        [County(code="410311", name="洛龙区"), Distributor(code="D1", name="配送", recorded_at=NOW)]
    )
    db.session.flush()
    seen = set(tokens().values())
    steps = [
        (name, statement)
        for name, tables in WATCHED.items()
        for table in tables
        for statement in (_SAMPLES[table], _UPDATES[table])
    ]
    steps += [
        (name, f"DELETE FROM {table}")
        for name, tables in WATCHED.items()
        for table in sorted(tables, key=["edition_item", "price"].count, reverse=True)
    ]
    for name, statement in steps:
        before = tokens()
        assert db.session.execute(text(statement)).rowcount == 1, statement
        after = tokens()
        assert after[name] not in seen, statement
        assert {other: token for other, token in after.items() if other != name} == {
            other: token for other, token in before.items() if other != name
        }
        seen.add(after[name])


@pytest.mark.both_databases
def test_a_change_that_is_taken_back_takes_its_token_back_and_a_repeated_one_gets_another(app):
    before = tokens()["policy"]
    db.session.commit()
    db.session.execute(text(_SAMPLES["policy_value"]))
    first = tokens()["policy"]
    db.session.rollback()
    assert tokens()["policy"] == before
    db.session.execute(text(_SAMPLES["policy_value"]))
    assert tokens()["policy"] not in {before, first}


@pytest.mark.both_databases
def test_a_page_that_learns_the_new_stamp_sees_what_another_connection_has_changed(committed_app, count_sql):
    def most_packs():
        with committed_app.app_context(), reading_only():
            learn(stamps())
            with count_sql() as asked:
                found = policy_book("order.max_packs").whole("order.max_packs", on=DAY)
            return found, asked.count

    def change(statement):
        with committed_app.app_context(), db.engine.begin() as connection:
            connection.execute(text(statement))

    assert most_packs() == (9999, 1)
    assert most_packs() == (9999, 0)
    change(_SAMPLES["policy_value"])
    assert most_packs() == (500, 1)
    thread = threading.Thread(target=change, args=[_UPDATES["policy_value"]])
    thread.start()
    thread.join()
    assert most_packs() == (600, 1)
    assert most_packs() == (600, 0)


def test_whoever_was_told_no_stamp_asks_the_database_each_time(app, count_sql):
    with count_sql() as asked:
        for _ in range(2):
            policy_book("order.max_packs")
            items_on(DAY)
            Relations(1, "410311", DAY)
    assert asked.count == 6
    learn(stamps())
    policy_book("order.max_packs")
    forget_stamps()
    with count_sql() as asked:
        policy_book("order.max_packs")
    assert asked.count == 1


def test_what_was_made_under_an_older_token_is_made_again(app):
    made = []

    def make():
        made.append(1)
        return len(made)

    learn(Stamps("a", None, "x"))
    assert [remembered("catalogue", "test", make) for _ in range(3)] == [1, 1, 1]
    learn(Stamps("b", None, "x"))
    assert [remembered("catalogue", "test", make) for _ in range(2)] == [2, 2]
    assert [remembered("policy", "test", make) for _ in range(2)] == [3, 4]
    forget_stamps()


def test_little_is_kept(app):
    learn(Stamps("a", "b", "c"))
    for number in range(500):
        remembered("catalogue", ("many", number), object)
    made = []
    for number in range(500):
        remembered("catalogue", ("many", number), lambda: made.append(1))
    assert len(made) > 400
    forget_stamps()


def test_a_deed_forgets_the_stamps_that_its_page_has_learnt(app, count_sql):
    learn(stamps())
    policy_book("order.max_packs")
    with transaction():
        db.session.add(PolicyValue(parameter="order.max_packs", valid_from=DAY, value="77", recorded_at=NOW))
        db.session.flush()
        assert policy_book("order.max_packs").whole("order.max_packs", on=DAY) == 77
