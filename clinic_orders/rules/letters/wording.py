"""How letters are worded (R-CASE-2): calm, exact, with the rule, what to do, until when and how to object.

A letter is composed once, when it is drafted or issued; from then on its text stands (``content``). Papers are
written in Chinese. Nothing here names a legal period that nobody has set: rights that statutes give are
mentioned without their days.

>>> issuer = Issuer("洛阳市医疗保障局", Contact(phone="0379-00000000"))
>>> letter = compose(LetterKind.REMINDER, issuer=issuer, party="安和堂大药房", matters=[], terms=Terms(),
...                  signed_on=date(2026, 11, 20), note="本局11月18日查看你单位柜台，集采药品没有专柜标识。")
>>> letter.title, letter.closing
('提醒函', '特此提醒。')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.letters.annexes import sales_of, table_of
from clinic_orders.rules.letters.content import (
    Annex,
    Contact,
    LetterContent,
    LetterKind,
    LetterNumber,
    Part,
    Section,
)
from clinic_orders.rules.letters.facts import TO_DISTRIBUTOR, WORDS
from clinic_orders.rules.letters.figures import day_words, in_words
from clinic_orders.rules.letters.matters import IN_TEXT, Matter

TITLES: Final[Mapping[LetterKind, str]] = {
    LetterKind.REMINDER: "提醒函",
    LetterKind.INQUIRY: "函询通知书",
    LetterKind.BULLETIN: "关于{party}{topics}情况的通报",
    LetterKind.INTERVIEW: "约谈通知书",
    LetterKind.RECTIFICATION: "限期整改通知书",
    LetterKind.PRIOR_NOTICE: "{about}事先告知书",
    LetterKind.SUSPENSION: "暂停参与集采决定书",
    LetterKind.CANCELLATION: "取消参与集采资格决定书",
    LetterKind.PROPOSAL: "关于{action}{party}医保定点的建议函",
}
_DECISIONS: Final[Mapping[LetterKind, str]] = {
    LetterKind.SUSPENSION: "暂停参与集采",
    LetterKind.CANCELLATION: "取消参与集采资格",
    LetterKind.PROPOSAL: "建议处理医保定点",
}
_PURPOSE: Final[Mapping[LetterKind, str]] = {
    LetterKind.REMINDER: "现提醒如下",
    LetterKind.INQUIRY: "现函询如下",
    LetterKind.BULLETIN: "现将有关情况通报如下",
    LetterKind.INTERVIEW: "现约谈你单位",
    LetterKind.RECTIFICATION: "现要求限期整改",
    LetterKind.PRIOR_NOTICE: "现将拟作出的处理决定及其事实、依据告知如下",
    LetterKind.SUSPENSION: "现作出如下决定",
    LetterKind.CANCELLATION: "现作出如下决定",
    LetterKind.PROPOSAL: "现提出建议如下",
}
_CLOSINGS: Final[Mapping[LetterKind, str]] = {
    LetterKind.REMINDER: "特此提醒。",
    LetterKind.INQUIRY: "特此函询。",
    LetterKind.BULLETIN: "特此通报。",
    LetterKind.INTERVIEW: "特此通知。",
    LetterKind.RECTIFICATION: "特此通知。",
    LetterKind.PRIOR_NOTICE: "特此告知。",
    LetterKind.SUSPENSION: "",
    LetterKind.CANCELLATION: "",
    LetterKind.PROPOSAL: "请予研究，并将处理结果函告本局。",
}
# Letters that speak of the party to somebody else.
_ABOUT_PARTY: Final = frozenset({LetterKind.BULLETIN, LetterKind.PROPOSAL})
_CLUES: Final = frozenset({Grade.CLUE, Grade.HIGH})
_WEEKDAYS: Final = "一二三四五六日"
_ORDINALS: Final = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Issuer:
    """The office that writes: its full name, where an answer goes, and its general office for the imprint."""

    name: str
    contact: Contact = field(default_factory=Contact)
    printed_by: str = ""


@dataclass(frozen=True, slots=True)
class Meeting:
    """When and where an interview is held, who is to come and what is to be brought."""

    at: datetime
    place: str
    who: str = "法定代表人或者负责人，药品采购和价格负责人"
    bring: tuple[str, ...] = (
        "上列事项涉及的采购、验收、销售、付款等凭证",
        "书面情况说明和整改打算",
        "到场人员身份证件；委托他人的，另带委托书",
    )


@dataclass(frozen=True, slots=True)
class Earlier:
    """A letter that went before in the same case."""

    number: LetterNumber
    kind: LetterKind
    signed_on: date
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an officer sets for a letter.

    Attributes:
        deadline: the last day to do what is demanded, to answer, or to appeal.
        meeting: of an interview.
        first_day, last_day: of a suspension, intended or decided; a cancellation has the first only.
        again_from: first day from which a cancelled party may apply again.
        ends_status: a proposal to cancel designated status, not to suspend it.
        about: the decision that a prior notice goes before.
        documents: what the basis rests on, e.g. documents of policy parameters, as they are cited.
        earlier: the letters that went before.
        jump_reason: why a level was passed over.

    """

    deadline: date | None = None
    meeting: Meeting | None = None
    first_day: date | None = None
    last_day: date | None = None
    again_from: date | None = None
    ends_status: bool = False
    about: LetterKind = LetterKind.SUSPENSION
    documents: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    jump_reason: str = ""


def compose(
    kind: LetterKind,
    *,
    issuer: Issuer,
    party: str,
    matters: Sequence[Matter],
    terms: Terms,
    signed_on: date,
    number: LetterNumber | None = None,
    addressee: str = "",
    to_distributor: bool = False,
    note: str = "",
    copies: Sequence[str] = (),
    token: str = "",
    demo: bool = False,
) -> LetterContent:
    """Write a letter.

    Args:
        kind: which letter of the ladder.
        issuer: who writes.
        party: whom the facts are about, by full name.
        matters: the findings it rests on; those that are only clues are asked about, never held against anybody.
        terms: what the officer sets.
        signed_on: the day of the letter.
        number: None for a draft.
        addressee: to whom it goes; the party if empty.
        to_distributor: whether the party is a distributor.
        note: facts in the officer's own words, a paragraph a line.
        copies: 抄送.
        token: of the page that verifies it.
        demo: whether the party is invented.

    """
    you = "该单位" if kind in _ABOUT_PARTY else "你单位"
    groups = _by_rule(matters)
    topics = "、".join(WORDS[rule].topic for rule in groups)
    annexes = _annexes(groups)
    title = TITLES[kind].format(
        party=party,
        topics=topics if len(groups) <= 2 else "执行集采规定有关",
        about="拟" + _DECISIONS.get(terms.about, ""),
        action="取消" if terms.ends_status else "暂停",
    )
    sections = [
        _facts(kind, party, groups, note, you, terms),
        _basis(groups, terms, you),
        _decision(kind, party, terms, you),
        _meeting(terms) if kind is LetterKind.INTERVIEW else None,
        _demand(kind, groups, terms, you, to_distributor=to_distributor),
        _rights(kind, terms, issuer, you),
    ]
    return LetterContent(
        kind=kind,
        issuer=issuer.name,
        number=number,
        title=title,
        addressee=addressee or party,
        opening=_opening(kind, party, topics),
        sections=tuple(one for one in sections if one is not None),
        signed_on=signed_on,
        closing=_CLOSINGS[kind],
        deadline=terms.deadline,
        contact=issuer.contact,
        annexes=annexes,
        copies=tuple(copies),
        printed_by=issuer.printed_by,
        token=token,
        demo=demo,
    )


def _by_rule(matters: Sequence[Matter]) -> dict[CheckRule, list[Matter]]:
    """What is proven first, in the order of the checks; clues behind."""
    clue = {rule: all(one.grade in _CLUES for one in matters if one.rule is rule) for rule in CheckRule}
    ranked = sorted({one.rule for one in matters}, key=lambda rule: (clue[rule], list(CheckRule).index(rule)))
    return {rule: [one for one in matters if one.rule is rule] for rule in ranked}


def _opening(kind: LetterKind, party: str, topics: str) -> str:
    who = party if kind in _ABOUT_PARTY else "你单位"
    about = f"有{topics}等情况" if "、" in topics else f"有{topics}的情况" if topics else "有下列情况"
    return f"经核查，{who}在集采药品“三进”工作中{about}，{_PURPOSE[kind]}。"


def _annexes(groups: Mapping[CheckRule, Sequence[Matter]]) -> tuple[Annex, ...]:
    found: list[Annex] = []
    for rule, matters in groups.items():
        if len(matters) > IN_TEXT:
            found.append(table_of(rule, matters))
        sales = sales_of(rule, matters)
        if sales is not None:
            found.append(sales)
    return tuple(found)


def _annex_words(annexes: Sequence[Annex], mine: Sequence[Annex]) -> str:
    if not mine:
        return ""
    numbers = "、".join(f"附件{annexes.index(one) + 1}" if len(annexes) > 1 else "附件" for one in mine)
    return f"逐项明细见{numbers}。"


def _facts(
    kind: LetterKind,
    party: str,
    groups: Mapping[CheckRule, Sequence[Matter]],
    note: str,
    you: str,
    terms: Terms,
) -> Section:
    annexes = _annexes(groups)
    paragraphs: list[str] = []
    for place, (rule, matters) in enumerate(groups.items()):
        words = WORDS[rule]
        mine = _annexes({rule: matters})
        lead = f"（{_ordinal(place)}）{words.topic}。" if len(groups) > 1 else ""
        if all(one.grade in _CLUES for one in matters):
            lead += "以下是系统比对发现的线索，尚待核实，不作为认定的事实："
        if len(matters) > IN_TEXT:
            whole = words.whole(matters)
            told = f"共{len(matters)}项" + (f"，合计{whole}" if whole else "") + "。"
            paragraphs.append(lead + told + _annex_words(annexes, mine))
        else:
            told = "；".join(words.says(one) for one in matters) + "。"
            paragraphs.append(lead + told + _annex_words(annexes, mine))
            paragraphs += [f"计算：{in_words(one.formula)}。" for one in matters]
    paragraphs += [line.strip() for line in note.splitlines() if line.strip()]
    for one in terms.earlier:
        answer = (
            f"{you}于{day_words(one.answered_on)}作了答复"
            if one.answered_on is not None
            else f"{you}没有答复"
        )
        paragraphs.append(
            f"此前，本局于{day_words(one.signed_on)}发出{TITLES_SHORT[one.kind]}（{one.number}），{answer}。"
        )
    if terms.jump_reason:
        paragraphs.append(f"本次未逐级处理的理由：{terms.jump_reason.rstrip('。')}。")
    heading = "需要说明的情况" if kind is LetterKind.INQUIRY else "核查的情况"
    return Section(Part.FACTS, heading, tuple(paragraphs or [f"{party}的有关情况见附件。"]))


TITLES_SHORT: Final[Mapping[LetterKind, str]] = {
    kind: title for kind, title in TITLES.items() if "{" not in title
} | {
    LetterKind.BULLETIN: "通报",
    LetterKind.PRIOR_NOTICE: "事先告知书",
    LetterKind.PROPOSAL: "医保定点处理建议函",
}
"""What a letter is called where another one speaks of it."""


def _basis(groups: Mapping[CheckRule, Sequence[Matter]], terms: Terms, you: str) -> Section | None:
    laws = list(dict.fromkeys(WORDS[rule].law for rule in groups))
    paragraphs = [
        f"{you}应当遵守集采药品“三进”工作的有关规定"
        + ("和签署的承诺书。" if not laws else "和签署的承诺书：")
    ]
    paragraphs += [f"（{_ordinal(place)}）{law}" if len(laws) > 1 else law for place, law in enumerate(laws)]
    if terms.documents:
        paragraphs.append("有关标准依据：" + "；".join(terms.documents) + "。")
    return Section(Part.BASIS, "依据", tuple(paragraphs))


def _decision(kind: LetterKind, party: str, terms: Terms, you: str) -> Section | None:
    intended = kind is LetterKind.PRIOR_NOTICE
    decided = terms.about if intended else kind
    if decided not in _DECISIONS:
        return None
    word = "拟" if intended else ""
    first = day_words(terms.first_day) if terms.first_day is not None else ""
    if decided is LetterKind.SUSPENSION:
        until = f"至{day_words(terms.last_day)}" if terms.last_day is not None else "起"
        span = f"自{first}{until}" if first else "在限定期间内"
        paragraphs = [
            f"{word}暂停{party}参与集采，{span}。暂停期间不得提交新的采购单；急救采购不受影响。",
            "暂停前已经提交的采购单照常配送、验收；已经形成的货款照常支付。期满自行恢复。",
        ]
    elif decided is LetterKind.CANCELLATION:
        paragraphs = [f"{word}取消{party}参与集采资格" + (f"，自{first}起生效" if first else "") + "。"]
        if terms.again_from is not None:
            paragraphs.append(f"{day_words(terms.again_from)}以前不受理{you}重新参与的申请。")
        paragraphs.append("取消前已经形成的货款照常支付；库存的集采药品按承诺价售完或者与配送企业商定退货。")
    else:
        action = "解除医保定点协议" if terms.ends_status else "中止医保定点协议"
        paragraphs = [f"{word}建议医保经办机构依据定点协议，对{party}{action}。"]
    heading = "拟作出的决定" if intended else "建议" if decided is LetterKind.PROPOSAL else "决定"
    return Section(Part.DECISION, heading, tuple(paragraphs))


def _meeting(terms: Terms) -> Section | None:
    meeting = terms.meeting
    if meeting is None:
        return None
    local = meeting.at.astimezone(SHANGHAI)
    day = day_in_china(meeting.at)
    half, hour = (
        ("上午", local.hour) if local.hour < 12 else ("下午", local.hour - (12 if local.hour > 12 else 0))
    )
    minutes = f"{local.minute}分" if local.minute else ""
    paragraphs = [
        f"时间：{day_words(day)}（星期{_WEEKDAYS[day.weekday()]}）{half}{hour}时{minutes}。",
        f"地点：{meeting.place}。",
        f"参加人：{meeting.who}。",
    ]
    if meeting.bring:
        paragraphs.append("请带材料：" + "；".join(meeting.bring) + "。")
    return Section(Part.MEETING, "约谈安排", tuple(paragraphs))


def _demand(
    kind: LetterKind,
    groups: Mapping[CheckRule, Sequence[Matter]],
    terms: Terms,
    you: str,
    *,
    to_distributor: bool,
) -> Section | None:
    until = f"请在{day_words(terms.deadline)}前" if terms.deadline is not None else "请尽快"
    things = [
        (TO_DISTRIBUTOR.get(rule, WORDS[rule].demand) if to_distributor else WORDS[rule].demand)
        for rule in groups
    ]
    listed = list(dict.fromkeys(things))
    numbered = [f"（{_ordinal(place)}）{one}" if len(listed) > 1 else one for place, one in enumerate(listed)]
    if kind is LetterKind.REMINDER:
        return Section(Part.DEMAND, "请你单位做到", (*numbered, f"{until}自查改正，改正后不必书面报告。"))
    if kind is LetterKind.INQUIRY:
        return Section(
            Part.DEMAND,
            "答复要求",
            (
                f"{until}书面说明上述情况的原因和改正打算，并附相关凭证。情况已经改正的，写明改正日期。",
                *numbered,
            ),
        )
    if kind is LetterKind.BULLETIN:
        return Section(
            Part.DEMAND,
            "工作要求",
            (
                f"{until.removeprefix('请')}，该单位应当完成改正并报告结果。"
                if terms.deadline
                else "该单位应当立即改正并报告结果。",
                *numbered,
                "各单位应当对照检查，按规定采购、付款、配备和销售集采药品。",
            ),
        )
    if kind is LetterKind.RECTIFICATION:
        return Section(
            Part.DEMAND,
            "整改要求",
            (
                *numbered,
                (
                    f"{until}完成整改，并提交整改报告，写明问题、原因、措施、完成日期，附凭证，由负责人签字并加盖公章。"
                    "本局将在期满后复查（回头看）。"
                ),
                "逾期不整改或者整改不到位的，本局将依照规定逐级处理。",
            ),
        )
    return None


def _rights(kind: LetterKind, terms: Terms, issuer: Issuer, you: str) -> Section | None:
    if kind in _ABOUT_PARTY:
        if kind is LetterKind.PROPOSAL:
            return None
        return Section(
            Part.RIGHTS,
            "异议",
            (f"该单位对以上事实有不同意见的，可以向本局书面提出，并附证据。{_how(issuer)}",),
        )
    until = f"在{day_words(terms.deadline)}前" if terms.deadline is not None else ""
    if kind is LetterKind.PRIOR_NOTICE:
        paragraphs = [
            f"你单位可以{until}陈述、申辩，并附证据；本局将予复核，不因陈述、申辩加重处理。逾期没有提出的，视为放弃陈述、申辩。",
            _how(issuer),
        ]
    elif kind in {LetterKind.SUSPENSION, LetterKind.CANCELLATION}:
        paragraphs = [
            (
                f"不服本决定的，可以{until}向本局申诉，并附证据；申诉期间决定不停止执行，本局认为需要停止的除外。"
                "依法申请行政复议或者提起行政诉讼的权利不受影响。"
            ),
            _how(issuer),
        ]
    else:
        paragraphs = [
            f"对以上事实有不同意见的，可以{until}书面陈述、申辩，并附证据；本局查证属实的，予以更正。{_how(issuer)}"
        ]
        if kind is LetterKind.INTERVIEW:
            paragraphs.append(
                "因故不能按时参加的，请提前说明并商定时间；无正当理由不参加的，本局将依照规定处理。"
            )
    return Section(Part.RIGHTS, "你单位的权利", tuple(paragraphs))


def _how(issuer: Issuer) -> str:
    """The ways in which an answer can be given."""
    contact = issuer.contact
    way = "答复和申诉请登录集采药品“三进”系统，在本函所列事项下提交并上传附件"
    if contact.address:
        way += f"，也可以书面送达{contact.address}"
    asked = "、".join(filter(None, (contact.office, contact.person, contact.phone)))
    return way + "。" + (f"联系：{asked}。" if asked else "")


def _ordinal(place: int) -> str:
    """The n-th place from 0 in Chinese figures, up to ninety-nine.

    >>> [_ordinal(place) for place in (0, 9, 10, 20)]
    ['一', '十', '十一', '二十一']
    """
    number = place + 1
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    tens, ones = divmod(number, 10)
    return (_ORDINALS[tens - 1] if tens > 1 else "") + "十" + (_ORDINALS[ones - 1] if ones else "")
