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
    cell_of,
    flag,
    label_of,
    listed,
    objects,
    said,
    text,
    texts,
    whole,
)
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.ordering import LineState, ResponseState, ReturnState, ShipmentState
from clinic_orders.rules.parties import OrderMode
from clinic_orders.rules.payments import PaymentMethod, PaymentSide, PaymentState
from clinic_orders.rules.reasons import CloseReason

USUAL_PAGE: Final = 100
LARGEST_PAGE: Final = 500
ORDER_STATUS: Final = ("unanswered", "under_way", "done", "ended")


def words_of(kind: type[StrEnum]) -> Value:
    """One of the words of a closed list, in an answer."""
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


def choice(name: str, label: str, words: tuple[str, ...]) -> Field:
    """One of some words, behind the question mark."""
    return Field(name, label, asked(_one_of(words), {"type": "string", "enum": list(words)}), required=False)


def page_of(name: str, shape: Shape) -> Shape:
    """A page of a list."""
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


def page_fields() -> tuple[Field, Field]:
    """Which page of a list."""
    return _cursor(), _limit()


PAGE_QUERY: Final = Shape("PageQuery", page_fields())

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
ITEMS: Final = page_of("Items", ITEM)

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
        answer_field("state", "行状态", words_of(LineState)),
    ),
)
_ORDER_HEAD = (
    _same("orders", "order_no", STRING),
    _same("orders", "institution_code", STRING),
    _same("orders", "ordering_code", STRING),
    _same("orders", "paying_code", STRING),
    _same("orders", "distributor_code", STRING),
    answer_field("mode", label_of("orders", "mode"), words_of(OrderMode)),
    _same("orders", "channel", STRING),
    _same("orders", "emergency", FLAG),
    _same("orders", "emergency_reason", STRING),
    _same("orders", "submitted_at", INSTANT),
    answer_field("answer_due_at", "最迟响应时间", INSTANT),
    answer_field("answered_at", label_of("orders", "confirmed_at"), INSTANT, may_be_null=True),
    answer_field("response", "响应状态", words_of(ResponseState)),
    answer_field("status", "进度", said({"type": "string", "enum": list(ORDER_STATUS)})),
    _same("orders", "packs", WHOLE),
    answer_field("amount", "金额", MONEY),
    answer_field("version", "版本", WHOLE),
    answer_field("updated_at", "最近变化时间", INSTANT),
    answer_field("lines", "明细", listed(ORDER_LINE)),
)
ORDER_HEAD: Final = Shape("Order", _ORDER_HEAD)
ORDERS: Final = page_of("Orders", ORDER_HEAD)

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
        answer_field("state", "发货单状态", words_of(ShipmentState)),
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
        choice("status", "进度", ORDER_STATUS),
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
        answer_field("entered_by", "登记方", words_of(PaymentSide)),
        _same("payments", "recorded_by", STRING),
        answer_field("recorded_at", "登记时间", INSTANT),
        answer_field("status", "对账状态", words_of(PaymentState)),
        answer_field("version", "版本", WHOLE),
    ),
)
PAYMENTS: Final = page_of("Payments", PAYMENT)

FINDING: Final = Shape(
    "Finding",
    (
        answer_field("rule", "规则", words_of(CheckRule)),
        answer_field("grade", "等级", words_of(Grade)),
        answer_field("institution", "单位编码", may_be_null=True),
        answer_field("distributor", "配送企业编码", may_be_null=True),
        answer_field("key", "对象", may_be_null=True),
        answer_field("period", "期间"),
        answer_field("formula", "算式"),
        answer_field("figures", "各规则自己的数", said({"type": "object"})),
        answer_field("state", "处理状态", words_of(FindingState)),
        answer_field("first_seen", "首次发现日", DAY),
        answer_field("last_seen", "最近发现日", DAY),
        answer_field("ended_on", "消除日", DAY, may_be_null=True),
    ),
)
FINDINGS: Final = page_of("Findings", FINDING)
FINDINGS_QUERY: Final = Shape(
    "FindingsQuery",
    (
        choice("rule", "规则", tuple(rule.value for rule in CheckRule)),
        choice("state", "处理状态", tuple(state.value for state in FindingState)),
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

# What is sent ---------------------------------------------------------------------------------------------

MOST_LINES: Final = 500
"""Lines of an order, batches of a shipment or a return."""
MOST_SALES: Final = 5_000
MOST_CODES: Final = 2_000
"""Trace codes of one line."""
LONGEST_UNITS: Final = cells.MAX_UNITS


def _sent(kind: str, name: str, *, required: bool = True, **more: Any) -> Field:
    """A text that is sent and is called and read as the column of a kind of file."""
    value = text(cell_of(kind, name), least=1 if required else 0, **more)
    return Field(name, label_of(kind, name), value, required)


def _count(kind: str, name: str, least: int, most: int, *, required: bool = True) -> Field:
    return Field(name, label_of(kind, name), whole(cell_of(kind, name), least=least, most=most), required)


def _codes() -> Field:
    return Field(
        "trace_codes", "追溯码", texts(cells.trace_code(), most=MOST_CODES, label="追溯码"), required=False
    )


_PACKS: Final = cells.MAX_PACKS
NEW_ORDER_LINE: Final = Shape(
    "NewOrderLine",
    (
        _sent("orders", "item_code"),
        _count("orders", "packs", 1, _PACKS),
        Field("duplicate_of", "已知并确认再订的同品规采购单号", text(cells.code()), required=False),
        _sent("orders", "distributor_code", required=False),
    ),
)
NEW_ORDER: Final = Shape(
    "NewOrder",
    (
        _sent("orders", "institution_code", required=False),
        _sent("orders", "paying_code", required=False),
        Field("emergency", "急救采购", flag(), required=False),
        _sent("orders", "emergency_reason", required=False),
        Field("lines", "明细", objects(NEW_ORDER_LINE, most=MOST_LINES)),
    ),
)
NEW_ORDERS: Final = Shape("NewOrders", (answer_field("orders", "每家配送企业一张", listed(ORDER_HEAD)),))

RESPONSE_LINE: Final = Shape(
    "ResponseLine",
    (
        _sent("orders", "item_code"),
        _count("orders", "confirmed_packs", 0, _PACKS),
        Field("answer_reason", "少确认的原因", text(cells.reason(CloseReason)), required=False),
    ),
)
RESPONSE: Final = Shape(
    "Response", (Field("lines", "每个尚订的品规一行", objects(RESPONSE_LINE, most=MOST_LINES)),)
)

NEW_BATCH: Final = Shape(
    "NewBatch",
    (
        _sent("receipts", "item_code"),
        _sent("receipts", "batch_no"),
        _sent("receipts", "expiry_date", format="date"),
        _count("receipts", "shipped_packs", 1, _PACKS),
        _sent("receipts", "invoice_no", required=False),
        _codes(),
    ),
)
NEW_SHIPMENT: Final = Shape(
    "NewShipment",
    (
        _sent("receipts", "shipped_at", required=False, format="date-time"),
        Field("lines", "批次", objects(NEW_BATCH, most=MOST_LINES)),
    ),
)

FOUND_BATCH: Final = Shape(
    "FoundBatch",
    (
        _sent("receipts", "item_code"),
        _sent("receipts", "batch_no"),
        _count("receipts", "accepted_packs", 0, _PACKS),
        _count("receipts", "rejected_packs", 0, _PACKS, required=False),
        _sent("receipts", "reject_reason", required=False),
        _sent("receipts", "short_expiry_reason", required=False),
        _codes(),
    ),
)
RECEIPT: Final = Shape("Receipt", (Field("lines", "每个批次一行", objects(FOUND_BATCH, most=MOST_LINES)),))

RETURNED_BATCH: Final = Shape(
    "ReturnedBatch",
    (
        _sent("returns", "item_code"),
        _sent("returns", "batch_no", required=False),
        _count("returns", "packs", 1, _PACKS),
        _sent("returns", "reason"),
        _codes(),
    ),
)
NEW_RETURN: Final = Shape(
    "NewReturn",
    (_sent("returns", "receipt_no"), Field("lines", "批次", objects(RETURNED_BATCH, most=MOST_LINES))),
)
RETURN: Final = Shape(
    "Return",
    (
        _same("returns", "return_no", STRING),
        _same("returns", "receipt_no", STRING),
        answer_field("state", "退货单状态", words_of(ReturnState)),
        answer_field("packs", "盒数", WHOLE),
        answer_field("version", "版本", WHOLE),
    ),
)

NEW_PAYMENT: Final = Shape(
    "NewPayment",
    (
        _sent("payments", "institution_code", required=False),
        _sent("payments", "distributor_code", required=False),
        _sent("payments", "amount"),
        _sent("payments", "paid_on", format="date"),
        _sent("payments", "receipt_no", required=False),
        Field(
            "method",
            "付款方式",
            text(
                _one_of(tuple(method.value for method in PaymentMethod)),
                enum=[one.value for one in PaymentMethod],
            ),
            required=False,
        ),
        _sent("payments", "reference", required=False),
    ),
)

SALE_LINE: Final = Shape(
    "SaleLine",
    (
        _sent("sales", "institution_code", required=False),
        _sent("sales", "sale_no"),
        _sent("sales", "line_no"),
        _sent("sales", "item_code", required=False),
        _sent("sales", "sold_at", format="date-time"),
        _count("sales", "base_units", -LONGEST_UNITS, LONGEST_UNITS),
        _sent("sales", "amount"),
        Field("insured", "医保结算", flag(), required=False),
        _codes(),
        _sent("sales", "other_product", required=False),
    ),
)
NEW_SALES: Final = Shape("NewSales", (Field("lines", "销售明细", objects(SALE_LINE, most=MOST_SALES)),))
_WARNING: Final = Shape("Warning", (answer_field("pointer", "位置"), answer_field("detail", "说明")))
STORED: Final = Shape(
    "Stored",
    (
        answer_field("created", "新增", WHOLE),
        answer_field("updated", "更正", WHOLE),
        answer_field("unchanged", "不变", WHOLE),
        answer_field("warnings", "已存，但请看一看", listed(_WARNING)),
    ),
)

COUNT_LINE: Final = Shape(
    "CountLine",
    (
        _sent("stock-counts", "institution_code", required=False),
        _sent("stock-counts", "item_code"),
        _sent("stock-counts", "counted_on", format="date"),
        _count("stock-counts", "base_units", 0, LONGEST_UNITS),
    ),
)
NEW_COUNTS: Final = Shape("NewCounts", (Field("lines", "盘点", objects(COUNT_LINE, most=MOST_SALES)),))
COUNTED: Final = Shape("Counted", (answer_field("changed", "新增或更正", WHOLE),))

LINES: Final = (
    NEW_ORDER_LINE,
    RESPONSE_LINE,
    NEW_BATCH,
    FOUND_BATCH,
    RETURNED_BATCH,
    SALE_LINE,
    COUNT_LINE,
    _WARNING,
)
"""Shapes of lines, which stand in the document by themselves."""
