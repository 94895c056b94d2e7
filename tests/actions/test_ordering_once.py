"""Submitting a draft exactly once: the same key, two keys, several at a time (R-ORD-2)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from clinic_orders.actions.ordering import Answer, submit_draft
from clinic_orders.models.base import db
from clinic_orders.models.orders import Draft, OrderLine, Submission
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.cart import CartChanged, CartEmpty
from tests import factories as make
from tests.drafts_in_work import kept, orders, relation

pytestmark = pytest.mark.usefixtures("app")


def test_the_same_key_gets_the_same_answer_and_nothing_twice() -> None:
    world = make.make_world()
    key = make.fresh_key()
    codes = [item.item_code for item in world.items[:3]]
    first = make.submit(world, {codes[0]: "5", codes[1]: "1.5"}, key=key)
    again = make.submit(world, {codes[2]: "9"}, key=key)
    assert (again.orders, again.refused) == (first.orders, first.refused)
    assert len(orders()) == 1
    # What was typed in between is still in the draft.
    assert kept()["9"] == ""


def test_a_key_of_another_organisation_is_not_found() -> None:
    world = make.make_world()
    key = make.fresh_key()
    make.submit(world, {world.items[0].item_code: "5"}, key=key)
    with pytest.raises(Exception, match="was not found"):
        make.submit(world, {world.items[0].item_code: "5"}, key=key, institution=world.second_clinic)


def test_a_draft_that_changed_since_the_check_is_not_sent() -> None:
    world = make.make_world()
    make.fill_draft(world, {world.items[0].item_code: "5"})
    draft = db.session.scalars(select(Draft)).one()
    seen = draft.version
    make.fill_draft(world, {world.items[0].item_code: "500"})
    with pytest.raises(CartChanged):
        submit_draft(
            key=make.fresh_key(),
            ordering_id=world.clinic.id,
            institution_id=world.clinic.id,
            seen_version=seen,
            by=world.actor(),
            at=make.NOW,
        )
    assert orders() == []
    assert db.session.scalar(select(func.count()).select_from(Submission)) == 0


def test_an_empty_draft_is_told_so() -> None:
    world = make.make_world()
    with pytest.raises(CartEmpty):
        make.submit(world, {})


@pytest.mark.parametrize("lines", [1, 12])
def test_a_submission_takes_the_same_few_statements_whatever_its_lines(lines: int, count_sql) -> None:  # type: ignore[no-untyped-def]
    world = make.make_world()
    make.submit(world, {world.items[-1].item_code: "1"})
    make.fill_draft(world, {item.item_code: "2" for item in world.items[:lines]})
    with count_sql() as seen:
        submit_draft(
            key=make.fresh_key(),
            ordering_id=world.clinic.id,
            institution_id=world.clinic.id,
            by=world.actor(),
            at=make.NOW,
        )
    assert seen.count == 15, str(seen)


@pytest.mark.both_databases
def test_five_at_once_with_one_key_make_one_set_of_orders(committed_app) -> None:  # type: ignore[no-untyped-def]
    with committed_app.app_context():
        world = make.make_world()
        relation(world, 1, world.other_distributor)
        make.fill_draft(world, {item.item_code: "4" for item in world.items[:12]})
        clinic, actor = world.clinic.id, world.actor()
    start = threading.Barrier(5)

    def press() -> Answer:
        start.wait()
        with committed_app.app_context():
            try:
                return submit_draft(
                    key="the-one-and-only-key",
                    ordering_id=clinic,
                    institution_id=clinic,
                    by=actor,
                    at=make.NOW,
                )
            finally:
                db.session.remove()

    with ThreadPoolExecutor(5) as pool:
        answers = [each.result() for each in [pool.submit(press) for _ in range(5)]]
    with committed_app.app_context():
        assert len(orders()) == 2
        assert db.session.scalar(select(func.count()).select_from(OrderLine)) == 12
        numbers = [order.order_no for order in orders()]
        assert [sorted(answer.orders) for answer in answers] == [sorted(numbers)] * 5
        assert problems() == []
        db.session.remove()


@pytest.mark.both_databases
def test_two_keys_at_once_for_one_draft_send_it_once(committed_app) -> None:  # type: ignore[no-untyped-def]
    with committed_app.app_context():
        world = make.make_world()
        make.fill_draft(world, {item.item_code: "4" for item in world.items[:12]})
        clinic, actor = world.clinic.id, world.actor()
    start = threading.Barrier(4)

    def press(number: int) -> bool:
        start.wait()
        with committed_app.app_context():
            try:
                submit_draft(
                    key=f"key-of-tab-{number}-----",
                    ordering_id=clinic,
                    institution_id=clinic,
                    by=actor,
                    at=make.NOW,
                )
            except CartEmpty:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(4) as pool:
        sent = [each.result() for each in [pool.submit(press, number) for number in range(4)]]
    assert sum(sent) == 1
    with committed_app.app_context():
        assert len(orders()) == 1
        db.session.remove()
