from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules import catalogue
from clinic_orders.rules.catalogue import (
    PriceRow,
    Relation,
    edition_in_force,
    price_in_force,
    relation_in_force,
    suits,
)
from clinic_orders.rules.parties import InstitutionKind

HERE = {"institution_id": 7, "county_code": "410311", "item_id": 5}
DAY = date(2026, 6, 15)
COUNTY_ALL = Relation(1, date(2026, 6, 1), county_code="410311")
COUNTY_ITEM = Relation(2, date(2026, 5, 1), county_code="410311", item_id=5)
OWN_ALL = Relation(3, date(2026, 4, 1), institution_id=7)
OWN_ITEM = Relation(4, date(2026, 3, 1), institution_id=7, item_id=5)
LADDER = [COUNTY_ALL, COUNTY_ITEM, OWN_ALL, OWN_ITEM]
ELSEWHERE = [
    Relation(8, DAY, county_code="410306"),
    Relation(8, DAY, institution_id=8),
    Relation(8, DAY, institution_id=7, item_id=6),
    Relation(8, DAY, county_code="410311", item_id=6),
]


def test_an_item_without_kinds_suits_all():
    assert all(suits((), kind) for kind in InstitutionKind)
    assert not suits({InstitutionKind.TOWNSHIP_HOSPITAL}, InstitutionKind.VILLAGE_CLINIC)


def test_prices_and_editions_begin_on_their_day():
    rows = [PriceRow(date(2026, 7, 1), Decimal("3.10")), PriceRow(date(2026, 1, 1), Decimal("3.36"))]
    assert price_in_force(rows, on=date(2025, 12, 31)) is None
    assert price_in_force(rows, on=date(2026, 6, 30)) == rows[1]
    assert price_in_force(rows, on=date(2026, 7, 1)) == rows[0]
    assert edition_in_force(rows, on=date(2026, 7, 2)) == rows[0]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_most_specific_relation_wins_however_old(count):
    found = relation_in_force([*ELSEWHERE, *LADDER[:count]], **HERE, on=DAY)
    assert found is LADDER[count - 1]
    assert relation_in_force([*reversed(LADDER[:count]), *ELSEWHERE], **HERE, on=DAY) is found


def test_relations_of_others_reach_nobody_here():
    assert relation_in_force(ELSEWHERE, **HERE, on=DAY) is None


def test_of_equally_specific_relations_the_latest_first_day_wins():
    newer = replace(COUNTY_ALL, distributor_id=9, valid_from=DAY)
    assert relation_in_force([newer, COUNTY_ALL], **HERE, on=DAY) is newer
    assert relation_in_force([newer, COUNTY_ALL], **HERE, on=DAY - timedelta(days=1)) is COUNTY_ALL


def test_the_last_day_is_included():
    ending = replace(OWN_ALL, valid_to=DAY)
    assert relation_in_force([COUNTY_ALL, ending], **HERE, on=DAY) is ending
    assert relation_in_force([COUNTY_ALL, ending], **HERE, on=DAY + timedelta(days=1)) is COUNTY_ALL


@given(
    st.lists(
        st.builds(
            lambda own, item, first, length, distributor: Relation(
                distributor,
                DAY + timedelta(days=first),
                institution_id=7 if own else None,
                county_code=None if own else "410311",
                item_id=5 if item else None,
                valid_to=None if length is None else DAY + timedelta(days=first + length),
            ),
            st.booleans(),
            st.booleans(),
            st.integers(-10, 3),
            st.none() | st.integers(0, 12),
            st.integers(1, 5),
        ),
        max_size=8,
    )
)
def test_no_relation_in_force_is_better_than_the_one_found(relations):
    found = relation_in_force(relations, **HERE, on=DAY)
    running = [r for r in relations if r.valid_from <= DAY and (r.valid_to is None or r.valid_to >= DAY)]
    assert (found is None) == (not running)
    for other in running:
        assert ((found.institution_id is not None), (found.item_id is not None), found.valid_from) >= (
            (other.institution_id is not None),
            (other.item_id is not None),
            other.valid_from,
        )


GOOD_CODES = [
    (catalogue.check_approval_number, "国药准字H20003263"),
    (catalogue.check_approval_number, "国药准字ZC20250001"),
    (catalogue.check_approval_number, "国药准字HJ20160123"),
    (catalogue.check_drug_code, "XA02AXX095A001010103357"),
    (catalogue.check_drug_code, "ZA01AAB0001010100001"),
    (catalogue.check_institution_code, "H41030500012"),
    (catalogue.check_institution_code, "P41031101234"),
    (catalogue.check_credit_code, "91110000600037341L"),
]


@pytest.mark.parametrize(("check", "code"), GOOD_CODES)
def test_codes_of_the_right_form_are_taken(check, code):
    assert check(code) == check(f" {code.lower()} ") == code


@pytest.mark.parametrize(("check", "code"), GOOD_CODES)
def test_codes_of_another_form_are_refused_naming_them(check, code):
    for wrong in (code[:-1], code + "1", "", "１" + code[1:], code[0] + "?" + code[2:]):
        with pytest.raises(catalogue.CodeRefused) as refused:
            check(wrong)
        assert refused.value.facts == {"typed": wrong}
        assert str(refused.value)


def test_a_wrong_check_character_is_noticed():
    with pytest.raises(catalogue.CreditCodeRefused):
        catalogue.check_credit_code("91110000600037342L")
