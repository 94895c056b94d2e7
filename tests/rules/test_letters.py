"""What stands in a letter goes into its canonical text and comes back the same (R-CASE-2)."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_orders.rules.letters import (
    LEVELS,
    OF_LEVEL,
    Align,
    Annex,
    Column,
    Contact,
    LetterContent,
    LetterKind,
    LetterNumber,
    Part,
    Section,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))
NUMBERS = st.builds(
    LetterNumber, st.sampled_from(["洛医保函", "洛医保约"]), st.integers(2000, 2099), st.integers(1, 99999)
)
SECTIONS = st.builds(Section, st.sampled_from(Part), TEXT, st.lists(TEXT, min_size=1, max_size=3).map(tuple))


@st.composite
def _annexes(draw: st.DrawFn) -> Annex:
    columns = draw(
        st.lists(st.builds(Column, TEXT, st.sampled_from(Align), st.integers(0, 9)), min_size=1, max_size=4)
    )
    row = st.tuples(*[TEXT] * len(columns))
    total = draw(st.one_of(st.just(()), row))
    return Annex(draw(TEXT), tuple(columns), tuple(draw(st.lists(row, max_size=4))), total, draw(TEXT))


LETTERS = st.builds(
    LetterContent,
    kind=st.sampled_from(LetterKind),
    issuer=TEXT,
    number=st.none() | NUMBERS,
    title=TEXT,
    addressee=TEXT,
    opening=TEXT,
    sections=st.lists(SECTIONS, max_size=4).map(tuple),
    signed_on=DAYS,
    closing=TEXT,
    deadline=st.none() | DAYS,
    contact=st.builds(Contact, TEXT, TEXT, TEXT, TEXT),
    annexes=st.lists(_annexes(), max_size=2).map(tuple),
    copies=st.lists(TEXT, max_size=3).map(tuple),
    printed_by=TEXT,
    token=TEXT,
    demo=st.booleans(),
)


def letter(**changes: Any) -> LetterContent:
    """A short letter."""
    plain = LetterContent(
        kind=LetterKind.INQUIRY,
        issuer="洛阳市医疗保障局",
        number=LetterNumber("洛医保函", 2026, 17),
        title="函询通知书",
        addressee="安和堂大药房伊川店",
        opening="经核查，现函询如下。",
        sections=(Section(Part.FACTS, "核查的事实", ("多收218.78元。",)),),
        signed_on=date(2026, 11, 20),
    )
    return dataclasses.replace(plain, **changes)


@given(LETTERS)
@settings(max_examples=60, deadline=None)
def test_a_letter_comes_back_from_its_canonical_text_the_same(written: LetterContent) -> None:
    back = LetterContent.from_canonical(written.canonical())
    assert back == written
    assert back.sha256() == written.sha256()


def test_the_hash_of_a_letter_is_known_and_every_word_changes_it() -> None:
    assert letter().sha256() == "5b3cf1bb63e1951fe338ae20218de58700caf52c8cb59e7a63ca9261154d22ff"
    assert letter(addressee="安和堂大药房宜阳店").sha256() != letter().sha256()
    assert letter(token="t").sha256() != letter().sha256()


def test_the_canonical_text_has_its_keys_in_order_and_no_spaces() -> None:
    text = letter().canonical()
    assert text.startswith('{"addressee":"安和堂大药房伊川店","annexes":[],"closing":""')
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize(
    "bad", ["洛医保函[2026]17号", "洛医保函〔2026〕017号", "〔2026〕1号", "洛医保函〔2026〕0号", ""]
)
def test_what_is_no_document_number_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a document number"):
        LetterNumber.parse(bad)


def test_a_number_is_written_as_it_is_read() -> None:
    assert str(LetterNumber.parse("豫医保办〔2024〕1号")) == "豫医保办〔2024〕1号"
    with pytest.raises(ValueError, match="not a document number"):
        LetterNumber("洛医保函", 2026, 0)


def test_an_annex_whose_rows_do_not_fit_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Annex("明细", (Column("序号"), Column("金额")), (("1",),))
    with pytest.raises(ValueError, match="do not fit"):
        Annex("明细", (Column("序号"), Column("金额")), (("1", "2"),), total=("合计",))


@pytest.mark.parametrize(
    "spoil",
    [
        {"form": 2},
        {"unknown": 1},
        {"number": {"word": "洛医保函", "year": 2026, "serial": 0}},
        {"sections": [{"part": "facts"}]},
        {"kind": "postcard"},
    ],
)
def test_a_letter_of_another_form_is_refused(spoil: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(?i)letter|document number"):
        LetterContent.from_json(letter().as_json() | spoil)


def test_each_level_of_the_ladder_has_its_letter() -> None:
    assert sorted(LEVELS.values()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {OF_LEVEL[level]: level for level in OF_LEVEL} == dict(LEVELS)
    assert set(LetterKind) - set(LEVELS) == {LetterKind.PRIOR_NOTICE}
