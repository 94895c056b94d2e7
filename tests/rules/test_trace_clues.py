"""R-TRACE-1 to R-TRACE-3, sentence by sentence, at the edge of each."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.trace_clues import (
    Arrival,
    CodedLine,
    CodeLife,
    SentBack,
    Terms,
    clues,
    is_excused,
    sold_units,
    units_from,
)

A, B = "81000010000000000000", "81000010000000000001"
HOLDS = {A: 28, B: 28}
MARCH = Terms(date(2026, 3, 31), near_days=30, holds=HOLDS, products={A: "X1"})
HERE = Arrival.on("C1", date(2026, 2, 1))


def at(month: int, day: int, hours: float = 9) -> datetime:
    return start_of_day(date(2026, month, day)) + timedelta(hours=hours)


def line(
    moment: datetime, units: int = 28, where: str = "C1", *, codes: tuple[str, ...] = (A,), **more
) -> CodedLine:
    given = {"item": "X1"} | more
    return CodedLine(
        where, f"S{moment:%m%d%H%M}", "1", at=moment, base_units=units, codes=frozenset(codes), **given
    )


def found(*lines: CodedLine, arrivals=(HERE,), returns=(), terms: Terms = MARCH, code: str = A):
    """(rule without its first word, times) of every clue."""
    life = CodeLife(code, lines, tuple(arrivals), tuple(returns))
    return [(one.rule.value.removeprefix("trace_"), one.figures["times"]) for one in clues(life, terms)]


# A sale in the month of D up to D, the history up to D.


def test_without_a_sale_in_the_month_there_is_no_clue():
    february = (line(at(2, 27)), line(at(2, 28)))
    assert found(*february) == []
    assert found(*february, line(at(3, 31, 23.9))) == [("repeat_same", 3)]
    assert found(*february, line(at(4, 1, 0))) == []


def test_a_customers_return_is_no_sale():
    assert found(line(at(2, 27)), line(at(2, 28)), line(at(3, 1), -28)) == []


def test_what_is_dated_after_the_day_is_not_seen():
    early = Terms(date(2026, 3, 10), near_days=30, holds=HOLDS)
    assert found(line(at(3, 1)), line(at(3, 11)), terms=early) == []
    late = Arrival("C1", "R1", at(3, 11), date(2026, 3, 1), date.max)
    assert found(line(at(3, 1)), arrivals=[late], terms=early) == [("not_received", 1)]
    assert found(line(at(3, 1)), arrivals=[late]) == []


def test_a_sale_on_a_day_without_membership_is_known_but_not_judged():
    assert found(line(at(3, 1), member=False), line(at(2, 1))) == []
    assert found(line(at(3, 1), member=False), line(at(3, 2))) == [("repeat_same", 2)]


# Units at an institution.


@pytest.mark.parametrize(
    ("units", "codes", "share"),
    [(28, 1, 28), (28, 2, 14), (27, 2, 14), (1, 3, 1), (-27, 2, -14), (-1, 3, -1)],
)
def test_a_line_gives_each_code_its_share_rounded_up(units, codes, share):
    names = tuple(f"{place:020d}" for place in range(codes))
    assert line(at(3, 1), units, codes=names).share == share


def test_sales_and_customer_returns_net_at_an_institution():
    lines = [line(at(3, 1), 27, codes=(A, B)), line(at(3, 2), -14), line(at(3, 2), 5, "C2")]
    assert sold_units(lines) == {"C1": 0, "C2": 5}
    # What nets to nothing does not count as sold: there is no second place, nothing unreceived.
    assert found(*lines, arrivals=[Arrival.on("C2", date(2026, 2, 1))]) == []


# T1.


def test_t1_more_must_have_come_from_the_pack_than_it_holds():
    assert found(line(at(3, 1), 14), line(at(3, 2), 14)) == []
    assert found(line(at(3, 1), 14), line(at(3, 2), 15)) == [("repeat_same", 2)]


def test_t1_needs_two_sale_lines():
    assert found(line(at(3, 1), 56)) == []
    assert found(line(at(3, 1), 56), line(at(3, 2), -1)) == []


def test_t1_a_line_counts_what_its_other_codes_cannot_have_held():
    assert found(line(at(3, 1), 56, codes=(A, B)), line(at(3, 2), 1)) == [("repeat_same", 2)]
    assert found(line(at(3, 1), 28, codes=(A, B)), line(at(3, 2), 28)) == []
    assert units_from(A, [line(at(3, 1), 20, codes=(A, B))], HOLDS) == 0


def test_t1_a_customers_return_takes_back_at_most_a_pack():
    lines = [line(at(3, 1)), line(at(3, 2)), line(at(3, 3), -27)]
    assert units_from(A, lines, HOLDS) == 29
    assert found(*lines) == [("repeat_same", 2)]
    lines[2] = line(at(3, 3), -28)
    assert found(*lines) == []
    assert units_from(A, [line(at(3, 1)), line(at(3, 2), -84)], HOLDS) == 0


def test_t1_of_a_code_that_holds_nobody_knows_how_much_there_is_none():
    unknown = Terms(MARCH.as_of, near_days=30, holds={B: 28})
    assert found(line(at(3, 1)), line(at(3, 2)), terms=unknown) == []
    assert units_from(A, [line(at(3, 1), 99, codes=(A, "C"))], HOLDS) == 0


# T2, T3.


@pytest.mark.parametrize(
    ("minutes", "rule"), [(0, "repeat_near"), (30 * 24 * 60, "repeat_near"), (30 * 24 * 60 + 1, "repeat_far")]
)
def test_t3_when_the_shortest_time_is_at_most_the_days_of_policy(minutes, rule):
    first = line(at(2, 1))
    second = line(at(2, 1) + timedelta(minutes=minutes), where="C2")
    here = [HERE, Arrival.on("C2", date(2026, 1, 1))]
    trigger = line(at(3, 30))
    lines = (line(at(1, 1)), first, second, trigger) if minutes else (first, second, trigger)
    days = Terms(MARCH.as_of, near_days=30, holds=HOLDS)
    if rule == "repeat_far":
        # The trigger is at the second place, so that it adds no shorter time.
        lines = (first, second, line(at(3, 30), where="C2"))
    assert found(*lines, arrivals=here, terms=days)[0][0] == rule


def test_t2_counts_the_lines_where_it_counts_as_sold_and_names_the_places_in_order():
    life = CodeLife(
        A,
        (line(at(1, 1), where="C2"), line(at(3, 5)), line(at(3, 6), where="C0"), line(at(3, 7), -28, "C0")),
        (HERE, Arrival.on("C2", date(2026, 1, 1)), Arrival.on("C0", date(2026, 1, 1))),
    )
    (one,) = clues(life, MARCH)
    assert one.rule is CheckRule.TRACE_REPEAT_FAR
    assert (one.institution, one.figures["institutions"], one.figures["times"]) == (None, ("C1", "C2"), 2)


def test_the_grade_is_high_from_three_sale_lines():
    two = (line(at(3, 1)), line(at(3, 2)))
    assert [one.grade for one in clues(CodeLife(A, two, (HERE,)), MARCH)] == ["clue"]
    three = (*two, line(at(3, 3)), line(at(3, 4), -1))
    assert [one.grade for one in clues(CodeLife(A, three, (HERE,)), MARCH)] == ["high"]


def test_a_string_without_serial_number_is_no_repeat():
    batch = "(01)06901234567892(10)B1"
    terms = Terms(MARCH.as_of, near_days=30, holds={batch: 28})
    lines = (line(at(3, 1), codes=(batch,)), line(at(3, 2), codes=(batch,)))
    assert found(*lines, terms=terms, code=batch) == []


# T6.


def test_t6_sold_where_it_was_never_accepted():
    assert found(line(at(3, 1)), arrivals=[]) == [("not_received", 1)]
    assert found(line(at(3, 1)), arrivals=[Arrival.on("C2", date(2026, 2, 1))]) == [("not_received", 1)]


def test_t6_counts_the_lines_of_the_month_only():
    lines = (line(at(2, 1), 1), line(at(3, 1), 1), line(at(3, 2), 1))
    assert found(*lines, arrivals=[]) == [("not_received", 2)]


def test_t6_an_acceptance_with_fewer_codes_excuses_from_its_day_on():
    sold = line(at(3, 5))
    assert is_excused(sold, [date(2026, 3, 5)])
    assert not is_excused(sold, [date(2026, 3, 6)])
    assert not is_excused(line(at(3, 5), item=None), [date(2026, 3, 1)])
    assert found(line(at(3, 5), excused=True), arrivals=[]) == []
    assert found(line(at(3, 1), 1), line(at(3, 5), 1, excused=True), arrivals=[]) == [("not_received", 1)]


# T7.


@pytest.mark.parametrize(("day", "rule"), [(5, "sold_after_return"), (6, "not_received")])
def test_t7_in_place_of_t6_when_another_institution_had_sent_it_back(day, rule):
    back = [SentBack("C2", at(3, day, 23))]
    assert found(line(at(3, 5)), arrivals=[], returns=back) == [(rule, 1)]


def test_t7_in_place_of_t6_takes_all_its_lines_but_never_excused_ones():
    lines = (line(at(3, 1), 1), line(at(3, 5), 1), line(at(3, 9), 1, excused=True))
    assert found(*lines, arrivals=[], returns=[SentBack("C2", at(3, 4))]) == [("sold_after_return", 2)]
    only_excused = (line(at(3, 1), 1), line(at(3, 9), 1, excused=True))
    back = [SentBack("C2", at(3, 4))]
    assert found(*only_excused, arrivals=[], returns=back) == [("not_received", 1)]


def test_another_institutions_return_is_nothing_where_the_code_was_accepted():
    assert found(line(at(3, 5)), returns=[SentBack("C2", at(3, 1))]) == []


def test_t7_after_the_own_return_unless_it_was_accepted_again():
    back = [SentBack("C1", at(3, 4))]
    assert found(line(at(3, 4, 20)), returns=back) == []
    assert found(line(at(3, 5)), returns=back) == [("sold_after_return", 1)]
    again = Arrival("C1", "R2", at(3, 5, 20), date(2026, 3, 5), date.max)
    assert found(line(at(3, 5)), returns=back, arrivals=[HERE, again]) == []
    tomorrow = Arrival("C1", "R2", at(3, 6, 0), date(2026, 3, 6), date.max)
    assert found(line(at(3, 5)), returns=back, arrivals=[HERE, tomorrow]) == [("sold_after_return", 1)]


def test_t7_it_is_the_last_own_return_after_which_it_must_have_come_again():
    again = Arrival("C1", "R2", at(3, 5, 12), date(2026, 3, 5), date.max)
    twice = [SentBack("C1", at(3, 4)), SentBack("C1", at(3, 6))]
    assert found(line(at(3, 7)), returns=twice, arrivals=[HERE, again]) == [("sold_after_return", 1)]
    assert found(line(at(3, 6)), returns=twice, arrivals=[HERE, again]) == []


# T10a, T10b, T10c.


def test_t10a_before_the_day_of_delivery_of_the_first_accepted_receipt():
    first = Arrival("C1", "R1", at(3, 6), date(2026, 3, 5), date.max)
    later = Arrival("C1", "R2", at(3, 9), date(2026, 3, 1), date.max)
    assert found(line(at(3, 5, 0)), arrivals=[first, later]) == []
    assert found(line(at(3, 4, 23.9)), arrivals=[later, first]) == [("before_receipt", 1)]


def test_t10a_asks_for_receipts_there():
    elsewhere = Arrival.on("C2", date(2026, 3, 20))
    assert found(line(at(3, 4)), arrivals=[HERE, elsewhere]) == []


def test_t10b_its_prefix_belongs_to_another_item():
    assert found(line(at(3, 4), item="X2")) == [("wrong_item", 1)]
    assert found(line(at(3, 4), item=None)) == []
    unknown = Terms(MARCH.as_of, near_days=30, holds=HOLDS)
    assert found(line(at(3, 4), item="X2"), terms=unknown) == []


def test_t10c_after_the_earliest_expiry_of_its_receipts_there():
    arrivals = [
        Arrival.on("C1", date(2026, 2, 1), date(2026, 3, 9)),
        Arrival.on("C1", date(2026, 2, 2), date(2026, 3, 5)),
        Arrival.on("C2", date(2026, 2, 2), date(2026, 3, 1)),
    ]
    assert found(line(at(3, 5, 23.9)), arrivals=arrivals) == []
    assert found(line(at(3, 6, 0)), arrivals=arrivals) == [("expired", 1)]


def test_one_code_may_give_several_clues_at_several_places():
    lines = (line(at(3, 1), item="X2"), line(at(3, 2), where="C2"))
    assert found(*lines) == [("repeat_near", 2), ("wrong_item", 1), ("not_received", 1)]
