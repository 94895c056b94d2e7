"""A letter says its party's own figures, the rule, what to do, until when and how to object (R-CASE-2)."""

from __future__ import annotations

import dataclasses
import re

import pytest

from clinic_orders.documents.letters.specimens import LONG_NAME, TERMS, letter, matter
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.letters import LetterContent, LetterKind, Part, Terms
from clinic_orders.rules.letters.annexes import sales_of, table_of
from clinic_orders.rules.letters.facts import WORDS
from clinic_orders.rules.letters.figures import in_words
from clinic_orders.rules.letters.matters import IN_TEXT

DECISIONS = {LetterKind.SUSPENSION, LetterKind.CANCELLATION, LetterKind.PROPOSAL}


def text_of(written: LetterContent) -> str:
    """Everything that stands in the body."""
    return "\n".join(
        [
            written.title,
            written.addressee,
            written.opening,
            *(line for one in written.sections for line in (one.heading, *one.paragraphs)),
            written.closing,
        ]
    )


def test_every_check_has_its_words() -> None:
    assert set(WORDS) == set(CheckRule)


@pytest.mark.parametrize("kind", LetterKind)
@pytest.mark.parametrize("rule", CheckRule)
def test_every_kind_of_letter_speaks_of_every_check_in_whole_sentences(
    kind: LetterKind, rule: CheckRule
) -> None:
    for findings in (1, IN_TEXT + 1):
        text = text_of(letter(kind, (rule,), findings=findings, note="柜台没有专柜标识。"))
        assert WORDS[rule].topic in text
        assert not re.search(r"None|\{|\}|。。|；。|，，|：。|、、|  ", text), text
        assert all(
            line.endswith(("。", "：")) for one in letter(kind, (rule,)).sections for line in one.paragraphs
        )


@pytest.mark.parametrize("kind", LetterKind)
def test_every_kind_says_facts_and_basis_and_all_but_a_proposal_how_to_object(kind: LetterKind) -> None:
    written = letter(kind)
    assert "215.06元" in text_of(written)
    assert written.section(Part.FACTS) is not None
    basis = written.section(Part.BASIS)
    assert basis is not None
    assert "R-PRICE-1" in "".join(basis.paragraphs)
    assert "洛医保〔2026〕8号" in "".join(basis.paragraphs)
    assert (written.section(Part.RIGHTS) is None) == (kind is LetterKind.PROPOSAL)
    assert (written.section(Part.DECISION) is not None) == (kind in {*DECISIONS, LetterKind.PRIOR_NOTICE})
    assert (written.section(Part.MEETING) is not None) == (kind is LetterKind.INTERVIEW)
    if kind is not LetterKind.PROPOSAL:
        assert "12月3日前" in text_of(written)


def test_few_findings_stand_in_the_text_with_their_calculation_and_many_in_an_annex() -> None:
    few = letter(findings=IN_TEXT)
    assert few.annexes == ()
    assert "计算：允许金额=68.24×(1+0.10)×28÷28→75.06；82.00>75.06；合计多收=215.06。" in text_of(few)
    many = letter(findings=IN_TEXT + 1)
    assert "共4项，合计98笔，多收860.30元。逐项明细见附件。" in text_of(many)
    assert [len(one.rows) for one in many.annexes] == [4]
    assert many.annexes[0].total[-3:] == ("860.30", "", "")


def test_the_sales_behind_a_finding_are_listed_and_added_up() -> None:
    written = letter(findings=2, sales=3)
    assert written.annexes[0].title == "超承诺加价率销售明细（6笔）"
    assert written.annexes[0].total[-1] == "492.00"
    assert sales_of(CheckRule.OVER_MARKUP, [matter(CheckRule.OVER_MARKUP)]) is None


def test_several_checks_are_told_one_after_the_other_what_is_proven_first() -> None:
    written = letter(rules=(CheckRule.TIED_SALE, CheckRule.OVER_MARKUP), findings=IN_TEXT + 1)
    facts = written.section(Part.FACTS)
    assert facts is not None
    assert facts.paragraphs[0].startswith("（一）超承诺加价率销售。")
    assert "附件1" in facts.paragraphs[0]
    assert facts.paragraphs[1].startswith("（二）疑似搭售。以下是系统比对发现的线索，尚待核实")
    assert "附件2" in facts.paragraphs[1]


def test_a_clue_is_asked_about_and_not_held_against_the_party() -> None:
    assert "不作为认定的事实" in text_of(letter(rules=(CheckRule.TIED_SALE,)))
    assert "不作为认定的事实" not in text_of(letter(rules=(CheckRule.OVER_MARKUP,)))


def test_the_codes_of_other_institutions_do_not_stand_in_a_letter() -> None:
    written = letter(rules=(CheckRule.TRACE_REPEAT_FAR,), findings=IN_TEXT + 1)
    assert "C002" not in written.canonical()
    assert "涉及单位数" in written.canonical()


def test_a_suspension_says_its_days_and_that_emergencies_go_on() -> None:
    text = text_of(letter(LetterKind.SUSPENSION))
    assert "自2026年12月10日至2027年3月9日" in text
    assert "急救采购不受影响" in text
    assert "2028年12月10日以前不受理" in text_of(letter(LetterKind.CANCELLATION))


def test_a_prior_notice_says_what_is_intended_and_decides_nothing() -> None:
    written = letter(LetterKind.PRIOR_NOTICE, terms=dataclasses.replace(TERMS, about=LetterKind.CANCELLATION))
    assert written.title == "拟取消参与集采资格事先告知书"
    assert "拟取消安和堂大药房伊川店参与集采资格" in text_of(written)
    assert "陈述、申辩" in text_of(written)


def test_an_interview_says_when_in_china_where_and_who() -> None:
    meeting = letter(LetterKind.INTERVIEW).section(Part.MEETING)
    assert meeting is not None
    assert meeting.paragraphs[0] == "时间：2026年12月4日（星期五）上午9时30分。"


def test_what_went_before_and_whether_it_was_answered_is_told() -> None:
    text = text_of(letter())
    assert "本局于2026年9月1日发出函询通知书（洛医保函〔2026〕3号），你单位于2026年9月8日作了答复。" in text
    assert "本局于2026年10月9日发出约谈通知书（洛医保约〔2026〕2号），你单位没有答复。" in text


def test_a_bulletin_speaks_of_the_party_by_name() -> None:
    written = letter(LetterKind.BULLETIN, party=LONG_NAME)
    assert written.title == f"关于{LONG_NAME}超承诺加价率销售情况的通报"
    assert "你单位" not in text_of(written)


def test_a_distributor_is_told_to_bring_what_is_missing() -> None:
    assert "补送上列没有送到的药品" in text_of(letter(rules=(CheckRule.VOLUME_BEHIND,), to_distributor=True))
    assert "安排采购" in text_of(letter(rules=(CheckRule.VOLUME_BEHIND,)))


def test_without_a_day_nothing_is_said_of_one() -> None:
    text = text_of(letter(LetterKind.RECTIFICATION, terms=Terms()))
    assert "请尽快完成整改" in text
    assert "日前" not in text


def test_formulas_are_told_in_chinese_with_their_own_numbers() -> None:
    assert in_words("rate = 0.8231 < 0.90; months_below = 4 ≥ 3") == "配送率=0.8231<0.90；连续偏低月数=4≥3"
    assert in_words("2026-11-24 → 2026-11-30: working_days = 4") == "2026-11-24→2026-11-30：工作日=4"


def test_sums_stand_only_below_several_rows() -> None:
    one = [matter(CheckRule.PAYMENT_OVERDUE)]
    assert table_of(CheckRule.PAYMENT_OVERDUE, one).total == ()
    assert "430.13" in table_of(CheckRule.PAYMENT_OVERDUE, [*one, matter(CheckRule.PAYMENT_OVERDUE, 1)]).total
    assert one[0].grade is Grade.VIOLATION
