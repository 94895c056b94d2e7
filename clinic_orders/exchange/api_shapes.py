"""Of what calls and answers consist (formats.md section 5); what is the same as in a file is called and read the same."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from clinic_orders.exchange import cells
from clinic_orders.exchange.cells import Cell, NotAChoice
from clinic_orders.exchange.schemas import (
    DAY,
    FLAG,
    INSTANT,
    MONEY,
    STRING,
    STRINGS,
    WHOLE,
    Field,
    Shape,
    Value,
    answer_field,
    label_of,
    listed,
    said,
)
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.ordering import LineState, ResponseState, ShipmentState
from clinic_orders.rules.parties import OrderMode
from clinic_orders.rules.payments import PaymentSide, PaymentState

USUAL_PAGE: Final = 100
LARGEST_PAGE: Final = 500
ORDER_STATUS: Final = ("unanswered", "under_way", "done", "ended")


def _words(kind: type[StrEnum]) -> Value:
    return said({"type": "string", "enum": [word.value for word in kind]})


# What may stand behind the question mark: always text.


def asked(cell: Cell, schema: dict[str, Any], absent: Any = None) -> Value:
    """A value of the address."""

    def read(raw: Any, pointer: str, problems: dict[str, Any]) -> Any:
        try:
            return cell.read(raw)
        except RuleBroken as refusal:
            problems[pointer] = refusal
            return absent

    return Value(schema, read, absent)


def _one_of(words: tuple[str, ...]) -> Cell:
    def parse(typed: str) -> str:
        if typed not in words:
            raise NotAChoice(typed=typed, choices="、".join(words))
        return typed

    return Cell(parse, str)


def _limit() -> Field:
    schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": USUAL_PAGE}
    return Field(
        "limit", "一页最多几条", asked(cells.whole(1, LARGEST_PAGE), schema, USUAL_PAGE), required=False
    )


def _cursor() -> Field:
    value = asked(cells.code(200), {"type": "string", "maxLength": 200})
    return Field("cursor", "上一页给出的 next", value, required=False)


def _choice(name: str, label: str, words: tuple[str, ...]) -> Field:
    return Field(name, label, asked(_one_of(words), {"type": "string", "enum": list(words)}), required=False)


def _page(name: str, shape: Shape) -> Shape:
    return Shape(
        name,
        (
            answer_field("data", "记录", listed(shape)),
            answer_field("next", "下一页的 cursor，没有下一页时为 null", may_be_null=True),
        ),
    )


def _same(kind: str, name: str, value: Value, *, may_be_null: bool = False) -> Field:
    """A field of an answer that is called as the column of a kind of file."""
    return answer_field(name, label_of(kind, name), value, may_be_null=may_be_null)


PAGE_QUERY: Final = Shape("PageQuery", (_cursor(), _limit()))

ITEM: Final = Shape(
    "Item",
    (
        _same("catalogue", "item_code", STRING),
        _same("catalogue", "generic_name", STRING),
        _same("catalogue", "form", STRING),
        _same("catalogue", "strength", STRING),
        _same("catalogue", "pack_size", WHOLE),
        _same("catalogue", "base_unit", STRING),
        _same("catalogue", "manufacturer", STRING),
        _same("catalogue", "suits", STRINGS),
        _same("catalogue", "supplies_here", FLAG),
        _same("prices", "pack_price", MONEY, may_be_null=True),
        _same("prices", "document_no", STRING, may_be_null=True),
    ),
)
ITEMS: Final = _page("Items", ITEM)

ORDER_LINE: Final = Shape(
    "OrderLine",
    (
        answer_field("line_no", "行号", WHOLE),
        _same("orders", "item_code", STRING),
        _same("orders", "packs", WHOLE),
        _same("orders", "pack_price", MONEY),
        answer_field("amount", "金额", MONEY),
        _same("orders", "confirmed_packs", WHOLE, may_be_null=True),
        answer_field("answer_reason", "少确认的原因"),
        _same("orders", "withdrawn_packs", WHOLE),
        _same("orders", "closed_packs", WHOLE),
        _same("receipts", "shipped_packs", WHOLE),
        _same("receipts", "accepted_packs", WHOLE),
        _same("receipts", "rejected_packs", WHOLE),
        answer_field("returned_packs", "已退盒数", WHOLE),
        answer_field("state", "行状态", _words(LineState)),
    ),
)
_ORDER_HEAD = (
    _same("orders", "order_no", STRING),
    _same("orders", "institution_code", STRING),
    _same("orders", "ordering_code", STRING),
    _same("orders", "paying_code", STRING),
    _same("orders", "distributor_code", STRING),
    answer_field("mode", label_of("orders", "mode"), _words(OrderMode)),
    _same("orders", "channel", STRING),
    _same("orders", "emergency", FLAG),
    _same("orders", "emergency_reason", STRING),
    _same("orders", "submitted_at", INSTANT),
    answer_field("answer_due_at", "最迟响应时间", INSTANT),
    answer_field("answered_at", label_of("orders", "confirmed_at"), INSTANT, may_be_null=True),
    answer_field("response", "响应状态", _words(ResponseState)),
    answer_field("status", "进度", said({"type": "string", "enum": list(ORDER_STATUS)})),
    _same("orders", "packs", WHOLE),
    answer_field("amount", "金额", MONEY),
    answer_field("version", "版本", WHOLE),
    answer_field("updated_at", "最近变化时间", INSTANT),
    answer_field("lines", "明细", listed(ORDER_LINE)),
)
ORDER_HEAD: Final = Shape("Order", _ORDER_HEAD)
ORDERS: Final = _page("Orders", ORDER_HEAD)

BATCH: Final = Shape(
    "ShippedBatch",
    (
        answer_field("line_no", "采购单行号", WHOLE),
        _same("receipts", "item_code", STRING),
        _same("receipts", "batch_no", STRING),
        _same("receipts", "expiry_date", DAY),
        _same("receipts", "shipped_packs", WHOLE),
        _same("receipts", "accepted_packs", WHOLE, may_be_null=True),
        _same("receipts", "rejected_packs", WHOLE, may_be_null=True),
        _same("receipts", "reject_reason", STRING),
        _same("receipts", "short_expiry_reason", STRING),
        _same("receipts", "invoice_no", STRING),
        answer_field("returned_packs", "已退盒数", WHOLE),
        _same("receipts", "trace_codes", STRINGS),
    ),
)
SHIPMENT: Final = Shape(
    "Shipment",
    (
        _same("receipts", "receipt_no", STRING),
        answer_field("state", "发货单状态", _words(ShipmentState)),
        _same("receipts", "shipped_at", INSTANT, may_be_null=True),
        _same("receipts", "delivered_at", INSTANT, may_be_null=True),
        _same("receipts", "accepted_at", INSTANT, may_be_null=True),
        answer_field("packs", "盒数", WHOLE),
        answer_field("owed", "应付金额", MONEY, may_be_null=True),
        answer_field("due_on", "付款截止日", DAY, may_be_null=True),
        answer_field("version", "版本", WHOLE),
        answer_field("lines", "批次", listed(BATCH)),
    ),
)
ORDER: Final = Shape(
    "OrderWithShipments", (*_ORDER_HEAD, answer_field("shipments", "发货单", listed(SHIPMENT)))
)
ORDERS_QUERY: Final = Shape(
    "OrdersQuery",
    (
        Field(
            "updated_since",
            "只要这一时刻起有变化的",
            asked(cells.instant(), {"type": "string", "format": "date-time"}),
            required=False,
        ),
        _choice("status", "进度", ORDER_STATUS),
        _cursor(),
        _limit(),
    ),
)

PAYMENT: Final = Shape(
    "Payment",
    (
        _same("payments", "payment_no", STRING),
        _same("payments", "institution_code", STRING),
        _same("payments", "distributor_code", STRING),
        _same("payments", "amount", MONEY),
        answer_field("is_refund", "是否退款", FLAG),
        _same("payments", "paid_on", DAY),
        _same("payments", "receipt_no", STRING, may_be_null=True),
        _same("payments", "method", STRING),
        _same("payments", "reference", STRING),
        answer_field("entered_by", "登记方", _words(PaymentSide)),
        _same("payments", "recorded_by", STRING),
        answer_field("recorded_at", "登记时间", INSTANT),
        answer_field("status", "对账状态", _words(PaymentState)),
        answer_field("version", "版本", WHOLE),
    ),
)
PAYMENTS: Final = _page("Payments", PAYMENT)

FINDING: Final = Shape(
    "Finding",
    (
        answer_field("rule", "规则", _words(CheckRule)),
        answer_field("grade", "等级", _words(Grade)),
        answer_field("institution", "单位编码", may_be_null=True),
        answer_field("distributor", "配送企业编码", may_be_null=True),
        answer_field("key", "对象", may_be_null=True),
        answer_field("period", "期间"),
        answer_field("formula", "算式"),
        answer_field("figures", "各规则自己的数", said({"type": "object"})),
        answer_field("state", "处理状态", _words(FindingState)),
        answer_field("first_seen", "首次发现日", DAY),
        answer_field("last_seen", "最近发现日", DAY),
        answer_field("ended_on", "消除日", DAY, may_be_null=True),
    ),
)
FINDINGS: Final = _page("Findings", FINDING)
FINDINGS_QUERY: Final = Shape(
    "FindingsQuery",
    (
        _choice("rule", "规则", tuple(rule.value for rule in CheckRule)),
        _choice("state", "处理状态", tuple(state.value for state in FindingState)),
        _cursor(),
        _limit(),
    ),
)

_BLOCKS = said({"type": "array", "items": {"type": "object"}})
STATISTICS: Final = Shape(
    "Statistics",
    (
        answer_field("month", "月份"),
        answer_field("frozen", "是否已关账", FLAG),
        answer_field("city", "全市", said({"type": ["object", "null"]})),
        answer_field("counties", "各县区", _BLOCKS),
        answer_field("kinds", "各类单位", _BLOCKS),
    ),
)
STATISTICS_QUERY: Final = Shape(
    "StatisticsQuery",
    (
        Field(
            "county", "县区代码", asked(cells.code(12), {"type": "string", "maxLength": 12}), required=False
        ),
    ),
)
