"""The draw can be repeated by anybody, points are a sum, records are whole before they are signed (R-CASE-5)."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_orders.rules.findings import Grade
from clinic_orders.rules.inspection.checklist import (
    MOST_ITEMS,
    SHIPPED,
    ChecklistCodeTwice,
    ChecklistEmpty,
    ChecklistItem,
    ChecklistTextWrong,
    ChecklistTooLong,
    ItemGroup,
    check_checklist,
)
from clinic_orders.rules.inspection.drawing import (
    NothingToDraw,
    SeedMissing,
    TooFewInspectors,
    TooManyToDraw,
    check_seed,
    draw,
    draw_inspectors,
    roster_hash,
)
from clinic_orders.rules.inspection.record import (
    Answer,
    AnswersMissing,
    InspectorsMissing,
    PartyNotSigned,
    PartySignature,
    RemarkMissing,
    Said,
    UnknownItem,
    check_answers,
    check_signatures,
    findings_of,
)
from clinic_orders.rules.inspection.risk import Risk, Weights, formula, months_between, points
from clinic_orders.rules.inspection.steps import (
    PLAN_STEPS,
    VISIT_STEPS,
    InspectionStepRefused,
    PlanState,
    PlanStep,
    VisitState,
    VisitStep,
    check_plan_step,
    check_visit_step,
    plan_steps_from,
    visit_steps_from,
)

CODES = st.lists(st.text("ABCDEFGH0123456789", min_size=1, max_size=8), min_size=1, max_size=40, unique=True)
SEEDS = st.text(min_size=4, max_size=20).filter(lambda seed: len(seed.strip()) >= 4)


def by_hand(seed: str, code: str) -> str:
    """The number of an institution as a citizen reckons it with any tool."""
    return sha256(f"{seed}|institution|{code}".encode()).hexdigest()


def test_the_worked_example_of_the_rule_written_out() -> None:
    # printf '2026|institution|V01' | sha256sum, and so on: the three smallest of five are drawn.
    numbers = {code: by_hand("2026", code)[:8] for code in ("V01", "V02", "V03", "H01", "P01")}
    assert numbers == {
        "V01": sha256(b"2026|institution|V01").hexdigest()[:8],
        "V02": sha256(b"2026|institution|V02").hexdigest()[:8],
        "V03": sha256(b"2026|institution|V03").hexdigest()[:8],
        "H01": sha256(b"2026|institution|H01").hexdigest()[:8],
        "P01": sha256(b"2026|institution|P01").hexdigest()[:8],
    }
    assert draw(numbers, 3, seed="2026") == tuple(sorted(numbers, key=lambda code: numbers[code])[:3])
    assert draw(["A", "B", "C", "D"], 4, seed="2026") == ("D", "A", "B", "C")
    assert roster_hash(["V02", "V01"]) == sha256(b"V01\nV02").hexdigest()


@given(CODES, SEEDS, st.data())
@settings(max_examples=60)
def test_a_draw_depends_on_seed_and_roster_only_and_can_be_repeated(
    codes: list[str], seed: str, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(codes)))
    drawn = draw(codes, count, seed=seed)
    assert draw(data.draw(st.permutations(codes)), count, seed=seed) == drawn
    assert drawn == tuple(sorted(codes, key=lambda code: by_hand(seed, code)))[:count]
    # More wanted: those drawn before are drawn again, first.
    assert draw(codes, len(codes), seed=seed)[:count] == drawn


@given(CODES, SEEDS, st.integers(2, 7), st.integers(2, 3))
@settings(max_examples=60)
def test_inspectors_get_even_work_and_two_different_ones_go(
    codes: list[str], seed: str, people: int, each: int
) -> None:
    if people < each:
        with pytest.raises(TooFewInspectors):
            draw_inspectors(codes, people, each=each, seed=seed)
        return
    places = draw_inspectors(codes, people, each=each, seed=seed)
    load = [sum(place in found for found in places.values()) for place in range(1, people + 1)]
    assert all(len(set(found)) == each for found in places.values())
    assert max(load) - min(load) <= 1
    assert draw_inspectors(codes, people, each=each, seed=seed) == places


def test_a_draw_is_refused_with_what_to_do() -> None:
    with pytest.raises(NothingToDraw):
        draw([], 1, seed="2026")
    with pytest.raises(TooManyToDraw):
        draw(["A"], 2, seed="2026")
    with pytest.raises(SeedMissing):
        check_seed(" 1 ")
    assert check_seed(" 2026 ") == "2026"


def test_points_are_the_sum_that_is_shown() -> None:
    weights = Weights(10, 3, 2, 8, 1)
    risk = Risk(grave=1, reminder=2, clue=3, complaints=0, months=40)
    assert points(risk, weights) == 34
    assert formula(risk, weights) == "1 × 10 + 2 × 3 + 3 × 2 + 0 × 8 + 12 × 1 = 34"
    assert months_between(date(2026, 11, 20), date(2026, 11, 19)) == 0


def test_the_shipped_checklist_has_the_six_standards_and_all_that_the_scheme_names() -> None:
    assert check_checklist(SHIPPED) == SHIPPED
    assert len({item.code for item in SHIPPED}) == len(SHIPPED)
    assert [item.code for item in SHIPPED if item.group is ItemGroup.SIX] == [
        "sign", "zone", "double_tag", "price_promise", "management", "slogan",
    ]  # fmt: skip
    assert {item.group for item in SHIPPED} == set(ItemGroup)


def test_a_checklist_that_asks_nothing_too_much_or_twice_is_refused() -> None:
    line = ChecklistItem("x", ItemGroup.SIX, "有", "", Grade.WARNING)
    with pytest.raises(ChecklistEmpty):
        check_checklist([])
    with pytest.raises(ChecklistCodeTwice):
        check_checklist([line, line])
    with pytest.raises(ChecklistTextWrong):
        check_checklist([ChecklistItem("x", ItemGroup.SIX, " ", "", Grade.WARNING)])
    with pytest.raises(ChecklistTooLong):
        check_checklist([line] * (MOST_ITEMS + 1))


ITEMS = {item.code: item for item in SHIPPED}
FINE = dict.fromkeys(ITEMS, Said(Answer.YES))


def test_a_record_is_signed_whole_with_words_for_what_is_not_so() -> None:
    check_answers(ITEMS, {"sign": Said(Answer.NO)}, whole=False)
    with pytest.raises(AnswersMissing) as missing:
        check_answers(ITEMS, {"sign": Said(Answer.YES)}, whole=True)
    assert missing.value.facts == {"count": len(ITEMS) - 1, "text": ITEMS["zone"].text}
    with pytest.raises(RemarkMissing):
        check_answers(ITEMS, FINE | {"sign": Said(Answer.NO, " ")}, whole=True)
    with pytest.raises(UnknownItem):
        check_answers(ITEMS, {"other": Said(Answer.YES)}, whole=False)
    check_answers(ITEMS, FINE | {"sign": Said(Answer.NO, "没有挂")}, whole=True)


def test_both_sides_sign_or_it_says_why_one_does_not() -> None:
    with pytest.raises(InspectorsMissing):
        check_signatures(["陈静", " 陈静 "], PartySignature("王保田"))
    with pytest.raises(PartyNotSigned):
        check_signatures(["陈静", "李慧"], PartySignature(" "))
    with pytest.raises(PartyNotSigned):
        check_signatures(["陈静", "李慧"], PartySignature(refused=True))
    names, party = check_signatures(
        ["陈静", "李慧", ""], PartySignature(refused=True, refusal=" 负责人不在 ")
    )
    assert (names, party.refusal) == (("陈静", "李慧"), "负责人不在")


def test_each_line_that_is_not_so_is_a_finding_of_its_grade() -> None:
    answers = FINE | {"sign": Said(Answer.NO, "没有挂"), "paid": Said(Answer.NO, "欠两个月")}
    found = findings_of("JC1", ITEMS, answers, institution="V01", visited_on=date(2026, 11, 20), number="JC7")
    assert [(one.key, one.grade, one.formula) for one in found] == [
        ("JC1/sign", Grade.WARNING, "answer = no; visit = JC7"),
        ("JC1/paid", Grade.VIOLATION, "answer = no; visit = JC7"),
    ]


def test_every_step_of_the_tables_leads_on_and_nothing_else_does() -> None:
    for row in PLAN_STEPS:
        assert check_plan_step(row.step, row.before) is row.after
    for row in VISIT_STEPS:
        assert check_visit_step(row.step, row.before) is row.after
    with pytest.raises(InspectionStepRefused):
        check_plan_step(PlanStep.DRAW, PlanState.ENDED)
    with pytest.raises(InspectionStepRefused):
        check_visit_step(VisitStep.SIGN, VisitState.SIGNED)
    assert plan_steps_from(PlanState.WITHDRAWN) == []
    assert visit_steps_from(VisitState.DROPPED) == [VisitStep.RESTORE]
