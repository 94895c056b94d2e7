"""The catalogue on a day: what is found, near, priced, delivered; in a number of statements that does not grow."""

from datetime import date
from decimal import Decimal

import pytest

from clinic_orders.actions import catalogue as deeds
from clinic_orders.models.base import db
from clinic_orders.models.roster import DeliveryRelation
from clinic_orders.queries import catalogue as questions
from clinic_orders.queries.catalogue import EVERY, Place, Wanted
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role
from tests.factories import LONG_AGO, NOW, TODAY, make_world


@pytest.fixture
def world(app):
    return make_world()


def codes(wanted, place=None, on=TODAY, sort="name"):
    place = place or Place()
    lines = questions.item_lines(questions.find_items(wanted, place, on=on, sort=sort), place, on=on)
    return [line.code for line in lines]


@pytest.mark.parametrize("typed", ["LY003", "ly003", "阿托伐他汀 乐普", "atftt lepu", "atuofatating lpzy"])
def test_an_item_is_found_by_code_name_maker_and_pinyin(world, typed):
    assert "LY003" in codes(Wanted(q=typed))


def test_letters_that_all_codes_begin_with_do_not_find_everything(world):
    assert len(codes(Wanted(q="LY"))) < len(world.items)


def test_the_item_whose_code_was_typed_comes_first(world):
    assert codes(Wanted(q="ly007"), sort="fit")[0] == "LY007"


def test_one_slip_of_the_hand_is_forgiven_where_nothing_fits(world):
    wanted = Wanted(q="阿脱伐他汀")
    assert codes(wanted) == []
    near = questions.near_items(wanted, Place(), on=TODAY)
    assert {line.generic_name for line in questions.item_lines(near, Place(), on=TODAY)} == {"阿托伐他汀"}


def test_filters_narrow_by_kind_province_and_edition(world):
    item = world.items[0]
    item.suits, item.supplies_here, item.cold_chain = ";retail_pharmacy;", True, True
    db.session.commit()
    assert item.item_code not in codes(Wanted(kind=InstitutionKind.VILLAGE_CLINIC))
    assert item.item_code in codes(Wanted(kind=InstitutionKind.RETAIL_PHARMACY))
    assert item.item_code not in codes(Wanted(supplies="N"))
    assert codes(Wanted(cold_chain=True)) == [item.item_code]
    deeds.take_out_of_edition(world.edition, item, by=SYSTEM, at=NOW)
    assert item.item_code not in codes(Wanted())
    assert item.item_code in codes(Wanted(edition=EVERY))


def test_an_edition_and_a_price_hold_from_their_first_day(world):
    item = world.items[0]
    first = date(2027, 1, 1)
    deeds.make_edition("推荐目录2027", valid_from=first, by=SYSTEM, at=NOW)
    deeds.add_price(item, valid_from=first, pack_price=Decimal("1.11"), document_no="1 号", by=SYSTEM, at=NOW)
    assert len(codes(Wanted(), on=date(2026, 12, 31))) == len(world.items)
    assert codes(Wanted(), on=first) == []
    (before,) = questions.item_lines([item.id], Place(), on=date(2026, 12, 31))
    (after,) = questions.item_lines([item.id], Place(), on=first)
    assert (before.next_price, before.next_price_from) == (Decimal("1.11"), first)
    assert (before.price, after.price, after.next_price) == (before.price, Decimal("1.11"), None)
    assert [line.state for line in questions.editions(TODAY)] == ["later", "now"]
    assert questions.editions(TODAY)[1].last == date(2026, 12, 31)


def test_who_delivers_depends_on_the_place(world):
    item = world.items[0]
    clinic = Actor("王", Role.INSTITUTION, institution_id=world.clinic.id)
    county = Actor("李", Role.COUNTY, county_code="410325")
    db.session.add(
        DeliveryRelation(
            institution_id=world.clinic.id,
            item_id=item.id,
            distributor_id=world.other_distributor.id,
            valid_from=date(2026, 5, 1),
            recorded_at=LONG_AGO,
        )
    )
    db.session.commit()
    (own,) = questions.deliverers(item.id, questions.place_of(clinic, TODAY), on=TODAY)
    assert (own.distributor, own.own, own.all_items) == (world.other_distributor.name, True, False)
    (whole,) = questions.deliverers(item.id, questions.place_of(county, TODAY), on=TODAY)
    assert (whole.county, whole.distributor, whole.exceptions) == ("嵩县", world.distributor.name, 1)
    assert len(questions.deliverers(item.id, questions.place_of(SYSTEM, TODAY), on=TODAY)) == 2
    (theirs,) = questions.deliverers(world.items[1].id, questions.place_of(world.seller, TODAY), on=TODAY)
    assert theirs.county == "嵩县"


def test_only_what_a_distributor_brings_here_is_left_by_the_filter(world):
    for relation in db.session.query(DeliveryRelation).filter_by(county_code="410325"):
        relation.item_id = world.items[2].id
    db.session.commit()
    assert codes(Wanted(delivered=True), Place(county_code="410325")) == [world.items[2].item_code]
    assert len(codes(Wanted(delivered=True), Place(county_code="410329"))) == len(world.items)


def test_the_comparison_names_what_came_what_went_and_what_costs_otherwise(world):
    new = deeds.make_edition("2027", valid_from=date(2027, 1, 1), copy_of=world.edition, by=SYSTEM, at=NOW)
    gone, dearer, late = world.items[0], world.items[1], world.items[2]
    deeds.take_out_of_edition(new, gone, by=SYSTEM, at=NOW)
    deeds.take_out_of_edition(world.edition, late, by=SYSTEM, at=NOW)
    deeds.add_price(
        dearer, valid_from=date(2026, 12, 1), pack_price=Decimal("99"), document_no="1 号", by=SYSTEM, at=NOW
    )
    later, before = questions.editions(TODAY)
    changes = {(change.what, change.code) for change in questions.compare(later, before)}
    assert changes == {("added", late.item_code), ("dropped", gone.item_code), ("price", dearer.item_code)}


def test_the_statements_do_not_grow_with_the_items(world, count_sql):
    counts = []
    for number in (2, 15):
        with count_sql() as seen:
            questions.item_lines([item.id for item in world.items][:number], Place(), on=TODAY)
        counts.append(seen.count)
    # Reading the items of the world anew after the commit is not the question's.
    with count_sql() as seen:
        questions.find_items(Wanted(q="atft"), Place(), on=TODAY)
    assert seen.count == 1
    assert counts[1] <= counts[0]
