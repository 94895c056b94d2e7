"""The kinds of files are what formats.md says."""

import csv
from pathlib import Path

import pytest

from clinic_orders.exchange import cells
from clinic_orders.exchange.kinds import Column, Kind
from clinic_orders.exchange.reading import MESSAGE_COLUMN, MESSAGE_LABEL
from clinic_orders.exchange.tables import INSTITUTION_KINDS, KINDS, ORDER_MODES

CATALOG = Path(__file__).resolve().parents[2] / "catalog"

# Columns as in formats.md: `?` may be left out or empty, capitals are the natural key.
CONTRACT = {
    "catalogue": "ITEM_CODE generic_name form strength pack_size base_unit manufacturer batch approval_no? nhsa_code? "
    "variety? group? suits? ceiling_price? supplies_here? cold_chain?",
    "prices": "ITEM_CODE VALID_FROM pack_price document_no?",
    "editions": "EDITION valid_from ITEM_CODE",
    "institutions": "CODE VALID_FROM? name kind county_code township? village? supervisor_code? scale? speciality? "
    "remote? headquarters_code? lead_hospital_code? uscc? nhsa_code? joined_on left_on? phone? address? lng? lat?",
    "mandates": "INSTITUTION_CODE HOSPITAL_CODE VALID_FROM valid_to?",
    "commitments": "INSTITUTION_CODE SIGNED_ON version markup_rate? ends_on?",
    "distributors": "CODE name uscc? phone?",
    "delivery-relations": "SCOPE ITEM_CODE distributor_code VALID_FROM valid_to?",
    "policies": "PARAMETER KIND? SCALE? VALID_FROM value document_no?",
    "agreed-volumes": "INSTITUTION_CODE ITEM_CODE CYCLE_START cycle_end reported_packs? agreed_packs",
    "supply-problems": "ITEM_CODE COUNTY_CODE? FIRST_DAY last_day? backup_item_code? verified_by",
    "orders": "ORDER_NO institution_code ordering_code? paying_code? distributor_code ITEM_CODE packs pack_price "
    "submitted_at mode? channel? emergency? emergency_reason? confirmed_packs? confirmed_at? closed_packs? closed_at? "
    "closed_reason? withdrawn_packs? withdrawn_at?",
    "receipts": "RECEIPT_NO order_no ITEM_CODE BATCH_NO shipped_packs accepted_packs? rejected_packs? reject_reason? "
    "short_expiry_reason? expiry_date invoice_no? shipped_at? delivered_at? accepted_at? trace_codes?",
    "returns": "RETURN_NO receipt_no ITEM_CODE batch_no? packs agreed_at reason trace_codes?",
    "payments": "INSTITUTION_CODE DISTRIBUTOR_CODE PAYMENT_NO amount paid_on receipt_no? method? reference? recorded_by?",
    "sales": "INSTITUTION_CODE SALE_NO LINE_NO item_code sold_at base_units amount insured? trace_codes? other_product?",
    "settlements": "INSTITUTION_CODE ITEM_CODE MONTH base_units amount",
    "stock-counts": "INSTITUTION_CODE ITEM_CODE COUNTED_ON base_units",
    "shelf-prices": "INSTITUTION_CODE ITEM_CODE POSTED_ON price",
    "other-purchases": "INSTITUTION_CODE DOCUMENT_NO LINE_NO group product_name base_units amount purchased_on justified?",
    "trace-products": "PREFIX item_code base_units_per_code",
    "product-codes": "BARCODE item_code",
    "issued-clues": "ISSUED_BATCH CLUE_NO trace_code institution_code? institution_name? product_name? issuer issued_on deadline? text?",
    "designated-pharmacies": "CODE name lng lat",
    "monitored-prices": "INSTITUTION_CODE ITEM_CODE OBSERVED_ON price out_of_stock?",
    "listed-products": "PRODUCT_CODE variety product_name manufacturer status LISTED_FROM price own_selected_price? highest_selected_price? highest_listed_price?",
}


def test_the_kinds_are_those_of_the_contract():
    assert list(KINDS) == list(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_columns_key_and_optional_ones_are_those_of_the_contract(name):
    kind = KINDS[name]
    words = CONTRACT[name].split()
    assert [column.name for column in kind.columns] == [word.rstrip("?").lower() for word in words]
    assert [column.required for column in kind.columns] == [not word.endswith("?") for word in words]
    assert set(kind.key) == {word.rstrip("?").lower() for word in words if word.rstrip("?").isupper()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_headings_and_what_columns_fall_back_on_exist(kind):
    for column in kind.columns:
        assert kind.by_heading(column.name) is kind.by_heading(column.label) is kind.column(column.name)
        assert any("\u4e00" <= character <= "\u9fff" for character in column.label)
        if column.falls_back_on:
            assert kind.column(column.falls_back_on).required
    for own in (MESSAGE_COLUMN, MESSAGE_LABEL):
        assert kind.by_heading(own) is None


def test_two_columns_of_one_name_are_a_bug():
    with pytest.raises(ValueError, match="two columns"):
        Kind("x", "甲", (Column("a", "乙", cells.code()), Column("b", "乙", cells.code())), key=("a",))


def test_a_label_is_not_a_name():
    with pytest.raises(KeyError):
        KINDS["prices"].column("生效日期")


def test_the_words_of_kinds_and_modes_are_those_of_the_rules():
    parties = pytest.importorskip("clinic_orders.rules.parties")
    assert list(INSTITUTION_KINDS) == [kind.value for kind in parties.InstitutionKind]
    assert list(ORDER_MODES) == [mode.value for mode in parties.OrderMode]


@pytest.mark.parametrize("name", ["catalogue", "prices", "editions"])
def test_the_shipped_catalogue_has_the_columns_of_its_kind(name):
    with (CATALOG / "recommended_338" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == [column.name for column in KINDS[name].columns]
