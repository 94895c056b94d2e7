"""The kinds of files of formats.md section 2, declared as data: columns in their order, labels, natural keys.

>>> KINDS["prices"].key
('item_code', 'valid_from')
>>> [column.label for column in KINDS["editions"].columns]
['目录版本', '生效日期', '品规编码']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clinic_orders.exchange import cells
from clinic_orders.exchange.cells import Cell
from clinic_orders.exchange.kinds import Column, Kind
from clinic_orders.rules.reasons import CloseReason, RejectReason, ReturnReason

INSTITUTION_KINDS: Final = {
    "township_hospital": "乡镇卫生院",
    "community_health_center": "社区卫生服务中心",
    "village_clinic": "村卫生室",
    "community_health_station": "社区卫生服务站",
    "private_institution": "民营医疗机构",
    "retail_pharmacy": "零售药店",
}
ORDER_MODES: Final = {"direct": "村直购", "proxy": "代采", "medical_community": "医共体"}
# Ten thousand codes of 20 digits; more packs of one batch come in several shipments.
MAX_TRACE_CODES: Final = 210_000


def _optional(name: str, label: str, cell: Cell, falls_back_on: str | None = None) -> Column:
    return Column(name, label, cell, required=False, falls_back_on=falls_back_on)


_CATALOGUE = Kind(
    "catalogue",
    "推荐目录",
    (
        Column("item_code", "品规编码", cells.code()),
        Column("generic_name", "通用名", cells.text(128)),
        Column("form", "剂型", cells.text(64)),
        Column("strength", "规格", cells.text(128)),
        Column("pack_size", "包装数量", cells.whole(1, 99_999)),
        Column("base_unit", "最小单位", cells.text(16)),
        Column("manufacturer", "生产企业", cells.text(200)),
        Column("batch", "集采批次", cells.text(64)),
        _optional("approval_no", "批准文号", cells.text(64)),
        _optional("nhsa_code", "医保药品编码", cells.nhsa_item()),
        _optional("variety", "品种", cells.text(200)),
        _optional("group", "同类组", cells.text(200)),
        _optional("suits", "适用类别", cells.choices(INSTITUTION_KINDS)),
        _optional("ceiling_price", "最高有效申报价", cells.price()),
        _optional("supplies_here", "本省供应", cells.flag()),
        _optional("cold_chain", "冷链", cells.flag()),
    ),
    key=("item_code",),
)

_PRICES = Kind(
    "prices",
    "价格",
    (
        Column("item_code", "品规编码", cells.code()),
        Column("valid_from", "生效日期", cells.day()),
        Column("pack_price", "每盒价格", cells.price()),
        _optional("document_no", "依据文号", cells.text(128)),
    ),
    key=("item_code", "valid_from"),
)

_EDITIONS = Kind(
    "editions",
    "目录版本",
    (
        Column("edition", "目录版本", cells.code()),
        Column("valid_from", "生效日期", cells.day()),
        Column("item_code", "品规编码", cells.code()),
    ),
    key=("edition", "item_code"),
)

_INSTITUTIONS = Kind(
    "institutions",
    "单位名录",
    (
        Column("code", "单位编码", cells.code()),
        _optional("valid_from", "生效日期", cells.day(), falls_back_on="joined_on"),
        Column("name", "单位名称", cells.text(200)),
        Column("kind", "单位类别", cells.choice(INSTITUTION_KINDS)),
        Column("county_code", "县区代码", cells.code(12)),
        _optional("township", "乡镇街道", cells.text(64)),
        _optional("village", "村社区", cells.text(64)),
        _optional("supervisor_code", "主管卫生院编码", cells.code()),
        _optional("scale", "规模", cells.text(64)),
        _optional("speciality", "特色", cells.text(64)),
        _optional("remote", "偏远", cells.flag()),
        _optional("headquarters_code", "连锁总部编码", cells.code()),
        _optional("lead_hospital_code", "牵头医院编码", cells.code()),
        _optional("uscc", "统一社会信用代码", cells.uscc()),
        _optional("nhsa_code", "医保机构编码", cells.nhsa_institution()),
        Column("joined_on", "加入日期", cells.day()),
        _optional("left_on", "退出日期", cells.day()),
        _optional("phone", "电话", cells.text(32)),
        _optional("address", "地址", cells.text(200)),
        _optional("lng", "经度", cells.degrees(180)),
        _optional("lat", "纬度", cells.degrees(90)),
    ),
    key=("code", "valid_from"),
)

_MANDATES = Kind(
    "mandates",
    "代采委托",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("hospital_code", "代采卫生院编码", cells.code()),
        Column("valid_from", "生效日期", cells.day()),
        _optional("valid_to", "截止日期", cells.day()),
    ),
    key=("institution_code", "hospital_code", "valid_from"),
)

_COMMITMENTS = Kind(
    "commitments",
    "承诺书",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("signed_on", "签署日期", cells.day()),
        Column("version", "承诺书版本", cells.code(64)),
        _optional("markup_rate", "承诺加价率", cells.rate()),
        _optional("ends_on", "截止日期", cells.day()),
    ),
    key=("institution_code", "signed_on"),
)

_DISTRIBUTORS = Kind(
    "distributors",
    "配送企业",
    (
        Column("code", "配送企业编码", cells.code()),
        Column("name", "配送企业名称", cells.text(200)),
        _optional("uscc", "统一社会信用代码", cells.uscc()),
        _optional("phone", "电话", cells.text(32)),
    ),
    key=("code",),
)

_DELIVERY_RELATIONS = Kind(
    "delivery-relations",
    "配送关系",
    (
        Column("scope", "单位编码或县区代码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("distributor_code", "配送企业编码", cells.code()),
        Column("valid_from", "生效日期", cells.day()),
        _optional("valid_to", "截止日期", cells.day()),
    ),
    key=("scope", "item_code", "valid_from"),
)

_POLICIES = Kind(
    "policies",
    "政策参数",
    (
        Column("parameter", "参数", cells.code()),
        _optional("kind", "单位类别", cells.choice(INSTITUTION_KINDS)),
        _optional("scale", "规模", cells.text(64)),
        Column("valid_from", "生效日期", cells.day()),
        # An empty value says "not set", so the column must be there for it to be meant.
        Column("value", "取值", cells.code(64), may_be_empty=True),
        _optional("document_no", "依据文号", cells.text(128)),
    ),
    key=("parameter", "kind", "scale", "valid_from"),
)

_AGREED_VOLUMES = Kind(
    "agreed-volumes",
    "约定采购量",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("cycle_start", "采购周期首日", cells.day()),
        Column("cycle_end", "采购周期末日", cells.day()),
        _optional("reported_packs", "报量盒数", cells.whole()),
        Column("agreed_packs", "约定盒数", cells.whole(1)),
    ),
    key=("institution_code", "item_code", "cycle_start"),
)

_SUPPLY_PROBLEMS = Kind(
    "supply-problems",
    "供应问题",
    (
        Column("item_code", "品规编码", cells.code()),
        _optional("county_code", "县区代码", cells.code(12)),
        Column("first_day", "首日", cells.day()),
        _optional("last_day", "末日", cells.day()),
        _optional("backup_item_code", "备供品规编码", cells.code()),
        Column("verified_by", "核实人", cells.text(64)),
    ),
    key=("item_code", "county_code", "first_day"),
)

_ORDERS = Kind(
    "orders",
    "采购单",
    (
        Column("order_no", "采购单号", cells.code()),
        Column("institution_code", "收货单位编码", cells.code()),
        _optional("ordering_code", "下单单位编码", cells.code(), falls_back_on="institution_code"),
        _optional("paying_code", "付款单位编码", cells.code(), falls_back_on="institution_code"),
        Column("distributor_code", "配送企业编码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("packs", "采购盒数", cells.whole(1)),
        Column("pack_price", "每盒价格", cells.price()),
        Column("submitted_at", "提交时间", cells.instant()),
        _optional("mode", "采购方式", cells.choice(ORDER_MODES, absent="direct")),
        _optional("channel", "采购渠道", Cell(cells.code().parse, str, absent="clinic_orders")),
        _optional("emergency", "急救采购", cells.flag()),
        _optional("emergency_reason", "急救原因", cells.text(200)),
        _optional("confirmed_packs", "确认盒数", cells.whole()),
        _optional("confirmed_at", "响应时间", cells.instant()),
        _optional("closed_packs", "缺货关闭盒数", cells.whole()),
        _optional("closed_at", "缺货关闭时间", cells.instant()),
        _optional("closed_reason", "缺货关闭原因", cells.reason(CloseReason)),
        _optional("withdrawn_packs", "撤回盒数", cells.whole()),
        _optional("withdrawn_at", "撤回时间", cells.instant()),
    ),
    key=("order_no", "item_code"),
    stored_together=("order_no",),
)

_RECEIPTS = Kind(
    "receipts",
    "收货单",
    (
        Column("receipt_no", "收货单号", cells.code()),
        Column("order_no", "采购单号", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("batch_no", "生产批号", cells.code()),
        Column("shipped_packs", "发货盒数", cells.whole(1)),
        _optional("accepted_packs", "验收盒数", cells.whole()),
        _optional("rejected_packs", "拒收盒数", cells.whole()),
        _optional("reject_reason", "拒收原因", cells.reason(RejectReason)),
        _optional("short_expiry_reason", "近效期接收说明", cells.text(200)),
        Column("expiry_date", "有效期至", cells.day()),
        _optional("invoice_no", "发票号", cells.text(200)),
        _optional("shipped_at", "发货时间", cells.instant()),
        _optional("delivered_at", "送达时间", cells.instant()),
        _optional("accepted_at", "验收时间", cells.instant()),
        _optional("trace_codes", "追溯码", cells.trace_codes(MAX_TRACE_CODES)),
    ),
    key=("receipt_no", "item_code", "batch_no"),
    stored_together=("order_no",),
)

_RETURNS = Kind(
    "returns",
    "退货单",
    (
        Column("return_no", "退货单号", cells.code()),
        Column("receipt_no", "收货单号", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        _optional("batch_no", "生产批号", cells.code()),
        Column("packs", "退货盒数", cells.whole(1)),
        Column("agreed_at", "同意时间", cells.instant()),
        Column("reason", "退货原因", cells.reason(ReturnReason)),
        _optional("trace_codes", "追溯码", cells.trace_codes(MAX_TRACE_CODES)),
    ),
    key=("return_no", "item_code"),
    also_distinct_by=("batch_no",),
    stored_together=("receipt_no",),
)

_PAYMENTS = Kind(
    "payments",
    "付款",
    (
        Column("institution_code", "付款单位编码", cells.code()),
        Column("distributor_code", "配送企业编码", cells.code()),
        Column("payment_no", "付款编号", cells.code()),
        Column("amount", "付款金额", cells.amount()),
        Column("paid_on", "付款日期", cells.day()),
        _optional("receipt_no", "收货单号", cells.code()),
        _optional("method", "付款方式", cells.text(32)),
        _optional("reference", "流水号", cells.text(64)),
        _optional("recorded_by", "登记人", cells.text(64)),
    ),
    key=("institution_code", "distributor_code", "payment_no"),
    stored_together=("institution_code", "distributor_code"),
)

_SALES = Kind(
    "sales",
    "销售",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("sale_no", "销售单号", cells.code()),
        Column("line_no", "行号", cells.code()),
        # Empty where the line is another product, so the column must be there.
        Column("item_code", "品规编码", cells.code(), may_be_empty=True),
        Column("sold_at", "销售时间", cells.instant()),
        Column("base_units", "最小单位数量", cells.units(-cells.MAX_UNITS)),
        Column("amount", "金额", cells.money_taken(may_be_negative=True)),
        _optional("insured", "医保结算", cells.flag()),
        _optional("trace_codes", "追溯码", cells.trace_codes(MAX_TRACE_CODES)),
        _optional("other_product", "目录外商品", cells.text(200)),
    ),
    key=("institution_code", "sale_no", "line_no"),
    stored_together=(),
)

_SETTLEMENTS = Kind(
    "settlements",
    "医保结算",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("month", "结算月份", cells.month()),
        Column("base_units", "最小单位数量", cells.units()),
        Column("amount", "结算金额", cells.money_taken()),
    ),
    key=("institution_code", "item_code", "month"),
    stored_together=(),
)

_STOCK_COUNTS = Kind(
    "stock-counts",
    "库存盘点",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("counted_on", "盘点日期", cells.day()),
        Column("base_units", "最小单位数量", cells.units()),
    ),
    key=("institution_code", "item_code", "counted_on"),
    stored_together=(),
)

_SHELF_PRICES = Kind(
    "shelf-prices",
    "标签价",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("posted_on", "标价日期", cells.day()),
        Column("price", "每盒标签价", cells.price()),
    ),
    key=("institution_code", "item_code", "posted_on"),
    stored_together=(),
)

_MONITORED_PRICES = Kind(
    "monitored-prices",
    "监测价格",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("item_code", "品规编码", cells.code()),
        Column("observed_on", "采集日期", cells.day()),
        Column("price", "每盒零售价", cells.price(), may_be_empty=True),
        _optional("out_of_stock", "缺货", cells.flag()),
    ),
    key=("institution_code", "item_code", "observed_on"),
    stored_together=(),
)

PRODUCT_STATUSES: Final = {
    "selected_elsewhere": "中选非供应本省",
    "reference": "参比制剂",
    "passed": "已过评",
    "not_passed": "未过评",
}
_LISTED_PRODUCTS = Kind(
    "listed-products",
    "挂网非中选产品",
    (
        Column("product_code", "产品编码", cells.code()),
        Column("variety", "通用名", cells.text(200)),
        Column("product_name", "产品名称规格", cells.text(200)),
        Column("manufacturer", "生产企业", cells.text(200)),
        Column("status", "产品类别", cells.choice(PRODUCT_STATUSES)),
        Column("listed_from", "挂网日期", cells.day()),
        Column("price", "每盒挂网价", cells.price()),
        _optional("own_selected_price", "本产品中选价", cells.price()),
        _optional("highest_selected_price", "同品种最高中选价", cells.price()),
        _optional("highest_listed_price", "同通用名最高挂网价", cells.price()),
    ),
    key=("product_code", "listed_from"),
)

_OTHER_PURCHASES = Kind(
    "other-purchases",
    "非中选采购",
    (
        Column("institution_code", "单位编码", cells.code()),
        Column("document_no", "单据号", cells.code()),
        Column("line_no", "行号", cells.code()),
        Column("group", "同类组", cells.text(200)),
        Column("product_name", "商品名称", cells.text(200)),
        Column("base_units", "最小单位数量", cells.units(1)),
        Column("amount", "金额", cells.money_taken()),
        Column("purchased_on", "采购日期", cells.day()),
        _optional("justified", "有正当理由", cells.flag()),
    ),
    key=("institution_code", "document_no", "line_no"),
    stored_together=(),
)

_TRACE_PRODUCTS = Kind(
    "trace-products",
    "追溯码产品",
    (
        Column("prefix", "追溯码前七位", cells.prefix()),
        Column("item_code", "品规编码", cells.code()),
        Column("base_units_per_code", "每码最小单位数", cells.units(1)),
    ),
    key=("prefix",),
)

_PRODUCT_CODES = Kind(
    "product-codes",
    "商品条码",
    (
        Column("barcode", "商品条码", cells.barcode()),
        Column("item_code", "品规编码", cells.code()),
    ),
    key=("barcode",),
)

_ISSUED_CLUES = Kind(
    "issued-clues",
    "下发线索",
    (
        Column("issued_batch", "下发批次", cells.code()),
        Column("clue_no", "批内编号", cells.code(32)),
        Column("trace_code", "追溯码", cells.trace_code()),
        _optional("institution_code", "单位编码", cells.code()),
        _optional("institution_name", "机构名称", cells.text(200)),
        _optional("product_name", "药品名称", cells.text(200)),
        Column("issuer", "下发单位", cells.text(128)),
        Column("issued_on", "下发日期", cells.day()),
        _optional("deadline", "反馈期限", cells.day()),
        _optional("text", "线索内容", cells.text(1000)),
    ),
    key=("issued_batch", "clue_no"),
)

_DESIGNATED_PHARMACIES = Kind(
    "designated-pharmacies",
    "定点药店",
    (
        Column("code", "药店编码", cells.code()),
        Column("name", "药店名称", cells.text(200)),
        Column("lng", "经度", cells.degrees(180)),
        Column("lat", "纬度", cells.degrees(90)),
    ),
    key=("code",),
)

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _CATALOGUE, _PRICES, _EDITIONS, _INSTITUTIONS, _MANDATES, _COMMITMENTS, _DISTRIBUTORS,
        _DELIVERY_RELATIONS, _POLICIES, _AGREED_VOLUMES, _SUPPLY_PROBLEMS, _ORDERS, _RECEIPTS, _RETURNS, _PAYMENTS,
        _SALES, _SETTLEMENTS, _STOCK_COUNTS, _SHELF_PRICES, _OTHER_PURCHASES, _TRACE_PRODUCTS, _PRODUCT_CODES,
        _ISSUED_CLUES, _DESIGNATED_PHARMACIES, _MONITORED_PRICES, _LISTED_PRODUCTS,
    )
}  # fmt: skip
