"""What an inspection looks at: the six unified standards and how the scheme is kept (R-CASE-5).

The checklist is data, kept in versions: a plan holds the version with which it was made, and what is changed later
makes a new one. ``SHIPPED`` is the first version; its lines follow the scheme (六统一, 以次充好、短尺少秤) and the
content list of the special inspection in Henan (采购、配送、回款、价格、追溯).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import Grade

TEXT: Final = 120
HINT: Final = 200
MOST_ITEMS: Final = 60


class ItemGroup(StrEnum):
    """Under which heading an item stands."""

    SIX = "six"
    BUYING = "buying"
    DELIVERY = "delivery"
    PAYMENT = "payment"
    PRICE = "price"
    DISGUISED = "disguised"
    TRACING = "tracing"


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One thing that is looked at.

    Attributes:
        code: its stable key within all versions.
        group: its heading.
        text: a statement that is so, or is not.
        hint: how one looks at it; may be empty.
        grade: how grave it is where it is not so: a violation, or a warning.

    """

    code: str
    group: ItemGroup
    text: str
    hint: str
    grade: Grade


_V, _W, _G = Grade.VIOLATION, Grade.WARNING, ItemGroup
SHIPPED: Final = (
    ChecklistItem("sign", _G.SIX, "悬挂统一的集采药品标牌", "门口或大厅看得见，没有遮挡、破损。", _W),
    ChecklistItem("zone", _G.SIX, "设有集采药品专区或专柜", "集采药品集中摆放，与其他药品分开。", _W),
    ChecklistItem("double_tag", _G.SIX, "集采药品按双标签公示价格", "抽查不少于 5 种：集采价、销售价都写明，与系统公示价一致。", _W),
    ChecklistItem("price_promise", _G.SIX, "张贴销售价格承诺", "写明承诺的加价率和投诉电话。", _W),
    ChecklistItem("management", _G.SIX, "日常管理制度和岗位职责上墙", "有专人负责，能说出报量、采购、付款的时间。", _W),
    ChecklistItem("slogan", _G.SIX, "张贴统一的宣传标语", "", _W),
    ChecklistItem("bought_here", _G.BUYING, "推荐目录内的药品通过规定渠道采购", "抽查货架和进货票据，有无线下采购。", _V),
    ChecklistItem("reported", _G.BUYING, "报量有依据，按约定采购量采购", "对照约定采购量看库存和在途。", _W),
    ChecklistItem("accepted", _G.DELIVERY, "到货当面验收，批号、有效期与系统一致", "抽查不少于 3 批。", _W),
    ChecklistItem("stored", _G.DELIVERY, "按要求存放，没有过期药品", "阴凉、冷藏药品看温度记录。", _V),
    ChecklistItem("paid", _G.PAYMENT, "货款按期付清，凭证齐全", "对照应付账款抽查付款凭证。", _V),
    ChecklistItem("price_kept", _G.PRICE, "实际售价不高于公示价和承诺加价率", "抽查不少于 5 张小票，逐笔核对。", _V),
    ChecklistItem("same_for_all", _G.PRICE, "医保、自费顾客同价", "", _V),
    ChecklistItem("not_tied", _G.PRICE, "没有搭售、捆绑销售", "看小票里是否总有同一种目录外商品。", _V),
    ChecklistItem("genuine", _G.DISGUISED, "没有以次充好、调换品规", "实物的品规、厂家与小票、系统一致。", _V),
    ChecklistItem("full_measure", _G.DISGUISED, "拆零足量，没有短尺少秤", "抽查拆零包装，点数。", _V),
    ChecklistItem("scanned", _G.TRACING, "销售逐盒扫追溯码", "现场扫 3 盒，核对系统记录。", _W),
    ChecklistItem("no_reflow", _G.TRACING, "没有回流药、无码药", "抽查货架上的追溯码能否查到入库。", _V),
)  # fmt: skip
"""The first version of the checklist, in Chinese as inspectors read it."""


class ChecklistEmpty(RuleBroken):
    """A checklist asks something."""

    message = N_("The checklist needs at least one line.")


class ChecklistTooLong(RuleBroken):
    """Nobody goes through so many lines on the spot."""

    message = N_("A checklist has at most %(limit)s lines. Leave some out.")


class ChecklistTextWrong(RuleBroken):
    """A line says something, and not too much."""

    message = N_("Each line says what is to be so, in at most %(limit)s characters.")


class ChecklistCodeTwice(RuleBroken):
    """A line stands once."""

    message = N_("Two lines of the checklist are the same: %(text)s. Leave one out.")


def check_checklist(items: Sequence[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """A version of the checklist that can be used.

    Raises:
        ChecklistEmpty, ChecklistTooLong, ChecklistTextWrong, ChecklistCodeTwice: what is wrong.

    """
    if not items:
        raise ChecklistEmpty
    if len(items) > MOST_ITEMS:
        raise ChecklistTooLong(limit=MOST_ITEMS)
    seen: set[str] = set()
    for item in items:
        if not item.text.strip() or len(item.text) > TEXT or len(item.hint) > HINT:
            raise ChecklistTextWrong(limit=TEXT)
        if item.text in seen:
            raise ChecklistCodeTwice(text=item.text)
        seen.add(item.text)
    return tuple(items)


def next_code(known: Iterable[str]) -> str:
    """A code for a line that somebody adds, which no version has used.

    >>> next_code(["sign", "added-3"])
    'added-4'
    """
    numbers = [int(code[6:]) for code in known if code.startswith("added-") and code[6:].isdigit()]
    return f"added-{max(numbers, default=0) + 1}"
