"""Coded reasons for what was closed, rejected, returned, lost or taken back (R-ORD-7, R-ORD-8, R-DEL-2, R-DEL-5, R-VOL-5).

In files a reason is its code or its Chinese label; ``other`` may be followed by ``:text``.

>>> parse_reason(RejectReason, "破损")
Reason(code=<RejectReason.DAMAGED: 'damaged'>, text='')
>>> parse_reason(CloseReason, "other: 厂家停供").stored
'other:厂家停供'
>>> RejectReason.SHORT_EXPIRY.is_justified, RejectReason.NOT_ORDERED.is_justified
(True, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from clinic_orders.rules.errors import N_, RuleBroken


class CloseReason(StrEnum):
    """Why the distributor closes the unshipped rest, or declines in the answer."""

    STOCK_OUT = "stock_out"
    EXPIRED = "expired"
    PACK_CHANGED = "pack_changed"
    DISCONTINUED = "discontinued"
    OTHER = "other"


class RejectReason(StrEnum):
    """Why packs were not accepted."""

    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    WRONG_QUANTITY = "wrong_quantity"
    SHORT_EXPIRY = "short_expiry"
    QUALITY = "quality"
    NO_PAPERS = "no_papers"
    NOT_ORDERED = "not_ordered"
    OTHER = "other"

    @property
    def is_justified(self) -> bool:
        """Whether the blame is the distributor's (R-VOL-5)."""
        return self in _JUSTIFIED_REJECTIONS


class ReturnReason(StrEnum):
    """Why accepted packs go back."""

    QUALITY = "quality"
    RECALL = "recall"
    NEAR_EXPIRY = "near_expiry"
    WRONG_DELIVERY = "wrong_delivery"
    OVERSTOCK = "overstock"
    OTHER = "other"

    @property
    def is_justified(self) -> bool:
        """Whether the blame is the distributor's (R-VOL-5)."""
        return self in _JUSTIFIED_RETURNS


class LossReason(StrEnum):
    """Why goods are gone without having been sold (损耗)."""

    EXPIRED = "expired"
    BROKEN = "broken"
    LOST = "lost"
    OTHER = "other"


class ReversalReason(StrEnum):
    """Why an entry of sales or losses is taken back (R-ORD-8)."""

    WRONG_ITEM = "wrong_item"
    WRONG_QUANTITY = "wrong_quantity"
    WRONG_AMOUNT = "wrong_amount"
    NOT_HAPPENED = "not_happened"
    OTHER = "other"


_JUSTIFIED_REJECTIONS: Final = frozenset(
    {
        RejectReason.DAMAGED,
        RejectReason.WRONG_ITEM,
        RejectReason.WRONG_QUANTITY,
        RejectReason.SHORT_EXPIRY,
        RejectReason.QUALITY,
        RejectReason.NO_PAPERS,
    }
)
_JUSTIFIED_RETURNS: Final = frozenset(
    {ReturnReason.QUALITY, ReturnReason.RECALL, ReturnReason.WRONG_DELIVERY}
)

R = TypeVar("R", CloseReason, RejectReason, ReturnReason, LossReason, ReversalReason)

# A table for each list: members of different lists with the same code are equal as text, so one table for
# all would mix them up. The second label is the Chinese one that files may use.
_CLOSE_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    CloseReason.STOCK_OUT: (N_("Out of stock"), "缺货"),
    CloseReason.EXPIRED: (N_("Expired or near expiry"), "效期不足"),
    CloseReason.PACK_CHANGED: (N_("Pack changed"), "换包装"),
    CloseReason.DISCONTINUED: (N_("Discontinued"), "停产"),
    CloseReason.OTHER: (N_("Other reason"), "其他"),
}
_REJECT_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    RejectReason.DAMAGED: (N_("Damaged"), "破损"),
    RejectReason.WRONG_ITEM: (N_("Wrong item"), "发错药品"),
    RejectReason.WRONG_QUANTITY: (N_("Wrong quantity"), "数量不符"),
    RejectReason.SHORT_EXPIRY: (N_("Too near expiry"), "近效期"),
    RejectReason.QUALITY: (N_("Quality problem"), "质量问题"),
    RejectReason.NO_PAPERS: (N_("Papers missing"), "资料不全"),
    RejectReason.NOT_ORDERED: (N_("Not ordered"), "未订购"),
    RejectReason.OTHER: (N_("Other reason"), "其他"),
}
_RETURN_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    ReturnReason.QUALITY: (N_("Quality problem"), "质量问题"),
    ReturnReason.RECALL: (N_("Recall"), "召回"),
    ReturnReason.NEAR_EXPIRY: (N_("Near expiry"), "近效期"),
    ReturnReason.WRONG_DELIVERY: (N_("Wrong delivery"), "配送错误"),
    ReturnReason.OVERSTOCK: (N_("Overstock"), "积压"),
    ReturnReason.OTHER: (N_("Other reason"), "其他"),
}
_LOSS_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    LossReason.EXPIRED: (N_("Expired"), "过期"),
    LossReason.BROKEN: (N_("Broken"), "破损"),
    LossReason.LOST: (N_("Lost"), "丢失"),
    LossReason.OTHER: (N_("Other reason"), "其他"),
}
_REVERSAL_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    ReversalReason.WRONG_ITEM: (N_("Wrong medicine"), "药品记错"),
    ReversalReason.WRONG_QUANTITY: (N_("Wrong number"), "数量记错"),
    ReversalReason.WRONG_AMOUNT: (N_("Wrong amount"), "金额记错"),
    ReversalReason.NOT_HAPPENED: (N_("It did not happen"), "没有发生"),
    ReversalReason.OTHER: (N_("Other reason"), "其他"),
}
LABELS: Final[Mapping[type, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        CloseReason: _CLOSE_LABELS,
        RejectReason: _REJECT_LABELS,
        ReturnReason: _RETURN_LABELS,
        LossReason: _LOSS_LABELS,
        ReversalReason: _REVERSAL_LABELS,
    }
)
"""For each list of reasons: code → (msgid of the label, Chinese label accepted in files)."""

_MAX_TEXT: Final = 200


class ReasonMissing(RuleBroken):
    """Packs were closed, rejected or returned without saying why."""

    message = N_("Choose a reason.")


class ReasonUnknown(RuleBroken):
    """The text is no code and no label of the list."""

    message = N_("“%(typed)s” is not one of the reasons. Use one of %(choices)s.")


class ReasonTextNotAllowed(RuleBroken):
    """A text stands behind a coded reason that needs none."""

    message = N_("Only the reason “other” takes a text of its own. You wrote “%(typed)s”.")


class ReasonTextTooLong(RuleBroken):
    """The text is longer than a reason needs."""

    message = N_("Keep the reason under %(limit)s characters.")


@dataclass(frozen=True, slots=True)
class Reason(Generic[R]):
    """A coded reason, with a text where the code is ``other``."""

    code: R
    text: str = ""

    @property
    def stored(self) -> str:
        """How it is written in files and columns: the code, or ``other:text``."""
        return f"{self.code.value}:{self.text}" if self.text else self.code.value

    @property
    def label(self) -> str:
        """The msgid of the code's label."""
        return reason_label(self.code)


def reason_label(code: CloseReason | RejectReason | ReturnReason | LossReason | ReversalReason) -> str:
    """The msgid of a reason's label.

    >>> reason_label(ReturnReason.OVERSTOCK)
    'Overstock'
    """
    return LABELS[type(code)][code][0]


def parse_reason(reasons: type[R], typed: str, text: str = "") -> Reason[R]:
    """Read a reason: its code, its Chinese label, or ``other:text`` (a full-width colon will do).

    Args:
        reasons: the list, e.g. ``RejectReason``.
        typed: what stands in the file or the box.
        text: the text of ``other`` where it comes from a box of its own.

    Raises:
        ReasonMissing, ReasonUnknown, ReasonTextNotAllowed, ReasonTextTooLong: what is wrong.

    """
    written = typed.strip()
    if not written:
        raise ReasonMissing
    head, _colon, tail = written.replace("：", ":", 1).partition(":")
    head, tail = head.strip().lower(), tail.strip() or text.strip()
    labels = LABELS[reasons]
    for code in reasons:
        if head in (code.value, labels[code][1]):
            if tail and code.value != "other":
                raise ReasonTextNotAllowed(typed=tail)
            if len(tail) > _MAX_TEXT:
                raise ReasonTextTooLong(limit=_MAX_TEXT)
            return Reason(code, tail)
    raise ReasonUnknown(typed=written, choices=", ".join(code.value for code in reasons))
