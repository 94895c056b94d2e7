"""What indicators and checks are called on papers, and how an indicator's figure is written (R-STAT-2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.parties import InstitutionKind, OrderMode


class Form(StrEnum):
    """How an indicator is written: a whole number, yuan, a share, an average."""

    COUNT = "count"
    AMOUNT = "amount"
    RATE = "rate"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One line of the statement.

    Attributes:
        name: of the field (formats.md section 3).
        word: its Chinese heading.
        unit: what is counted; empty for shares.
        form: how it is written.
        about: how it is reckoned, for the reader.

    """

    name: str
    word: str
    unit: str
    form: Form
    about: str

    @property
    def heading(self) -> str:
        """The heading with its unit."""
        return f"{self.word}（{self.unit}）" if self.unit else self.word


INDICATORS: Final = (
    Indicator("institutions", "参与单位", "家", Form.COUNT, "月末在名录上的单位"),
    Indicator("participating", "有采购的单位", "家", Form.COUNT, "当月提交过采购单的参与单位"),
    Indicator("coverage", "参与率", "", Form.RATE, "有采购的单位 ÷ 参与单位"),
    Indicator(
        "items_carried_average", "平均在配品规", "个", Form.AVERAGE, "全部参与单位月末在配品规的平均数"
    ),
    Indicator("orders", "采购单", "张", Form.COUNT, "当月提交的采购单，含后来撤回、作废的"),
    Indicator("order_packs", "采购数量", "盒", Form.COUNT, "当月提交的采购单所列数量"),
    Indicator("order_amount", "采购金额", "元", Form.AMOUNT, "当月提交的采购单金额"),
    Indicator("accepted_amount", "入库金额", "元", Form.AMOUNT, "当月验收入库的金额，不扣退货"),
    Indicator("delivery_rate", "配送率", "", Form.RATE, "配送时限落在当月的采购明细：已送到数量 ÷ 应送数量"),
    Indicator("amount_due", "当月到期货款", "元", Form.AMOUNT, "付款期限落在当月的收货单应付金额"),
    Indicator("amount_paid_on_time", "按时付款金额", "元", Form.AMOUNT, "其中在付款期限内付清的部分"),
    Indicator("on_time_payment_rate", "按时回款率", "", Form.RATE, "按时付款金额 ÷ 当月到期货款"),
    Indicator("overdue_amount", "逾期未付金额", "元", Form.AMOUNT, "付款期限早于月末、到月末仍未付的金额"),
    Indicator("over_markup_lines", "超加价销售", "笔", Form.COUNT, "当月超过允许加价的销售明细"),
    Indicator("over_markup_excess", "超加价金额", "元", Form.AMOUNT, "上述销售多收的金额"),
    Indicator(
        "fulfilment", "约定采购量完成率", "", Form.RATE, "月末所处采购周期：已完成量 ÷ 约定采购量，不封顶"
    ),
    Indicator("trace_rate", "追溯码上传率", "", Form.RATE, "应带追溯码的销售明细中带码的比例"),
)
"""Every indicator but the findings, in the order of the statement."""

FURTHER: Final = (
    Indicator("in_scope", "应纳入单位", "家", Form.COUNT, "医保局按县区和单位类别设定的数，未设定的不计"),
    Indicator(
        "in_scope_members", "应纳入中的参与单位", "家", Form.COUNT, "已设定应纳入数的县区和类别里的参与单位"
    ),
    Indicator("scheme_coverage", "覆盖率", "", Form.RATE, "应纳入中的参与单位 ÷ 应纳入单位"),
    Indicator(
        "minimum_compliance",
        "最少配备达标率",
        "",
        Form.RATE,
        "达到最少配备数的单位 ÷ 月末应考核的单位；未设最少配备数的不考核",
    ),
    Indicator(
        "confirmation_rate", "订单响应率", "", Form.RATE, "按时响应的采购明细 ÷ 响应期限落在当月的采购明细"
    ),
    Indicator("on_time_rate", "及时配送率", "", Form.RATE, "时限内送到的数量 ÷ 应送数量"),
    Indicator("overdue_1_30", "逾期1至30天", "元", Form.AMOUNT, "月末逾期未付金额，按逾期天数"),
    Indicator("overdue_31_60", "逾期31至60天", "元", Form.AMOUNT, "月末逾期未付金额，按逾期天数"),
    Indicator("overdue_61_90", "逾期61至90天", "元", Form.AMOUNT, "月末逾期未付金额，按逾期天数"),
    Indicator("overdue_over_90", "逾期90天以上", "元", Form.AMOUNT, "月末逾期未付金额，按逾期天数"),
    Indicator(
        "savings",
        "比最高有效申报价节省",
        "元",
        Form.AMOUNT,
        "（最高有效申报价－采购价）× 入库最小单位数，只算已知申报价的品规",
    ),
    Indicator("reports_due", "应报报表", "份", Form.COUNT, "报送期限落在当月的报量、销售和盘点报表"),
    Indicator("reporting_rate", "报送率", "", Form.RATE, "已收到的报表 ÷ 应报报表"),
    Indicator("on_time_reporting_rate", "按时报送率", "", Form.RATE, "期限内收到的报表 ÷ 应报报表"),
    Indicator("findings_raised", "新发现的问题", "项", Form.COUNT, "当月首次发现的问题"),
    Indicator("findings_cured", "已改正的问题", "项", Form.COUNT, "当月改正而结束的问题"),
    Indicator("findings_open", "月末未了结的问题", "项", Form.COUNT, "到月末没有改正、没有处置的问题"),
)
"""The indicators beyond the contract (R-STAT-2)."""

BY_NAME: Final = {one.name: one for one in (*INDICATORS, *FURTHER)}

MODES: Final = {
    OrderMode.DIRECT: "村直购",
    OrderMode.PROXY: "代采",
    OrderMode.MEDICAL_COMMUNITY: "医共体采购",
}

CHANNELS: Final = {"clinic_orders": "本系统"}
"""What channels are called; one from outside keeps the name it came with."""

LEVELS: Final = {
    Level.REMINDER: "提醒",
    Level.INQUIRY: "函询",
    Level.BULLETIN: "通报",
    Level.INTERVIEW: "约谈",
    Level.RECTIFICATION: "限期整改",
    Level.SUSPENSION: "暂停参与集采",
    Level.CANCELLATION: "取消参与集采资格",
    Level.PROPOSAL: "建议暂停或取消医保定点",
}
"""Steps of the ladder by level."""

FINDINGS: Final = {
    CheckRule.OVER_MARKUP: "超加价销售",
    CheckRule.OVER_SHELF_PRICE: "高于标价",
    CheckRule.PAYMENT_OVERDUE: "逾期未付款",
    CheckRule.STOCKING_SHORT: "配备品种数不足",
    CheckRule.VOLUME_BEHIND: "约定采购量进度滞后",
    CheckRule.NONSELECTED_SHARE: "非中选药品占比过高",
    CheckRule.DELIVERY_RATE: "配送率偏低",
    CheckRule.LATE_CONFIRMATION: "订单响应超时",
    CheckRule.LATE_ACCEPTANCE: "验收超时",
    CheckRule.SETTLED_NOT_SOLD: "医保结算与销售不符",
    CheckRule.EMERGENCY_SHARE: "紧急采购占比偏高",
    CheckRule.TIED_SALE: "疑似搭售",
    CheckRule.TRACE_REPEAT_SAME: "追溯码同机构重复",
    CheckRule.TRACE_REPEAT_FAR: "追溯码跨机构重复",
    CheckRule.TRACE_REPEAT_NEAR: "追溯码短期跨机构重复",
    CheckRule.TRACE_NOT_RECEIVED: "追溯码有销无进",
    CheckRule.TRACE_SOLD_AFTER_RETURN: "追溯码退货后再售",
    CheckRule.TRACE_BEFORE_RECEIPT: "追溯码先销后进",
    CheckRule.TRACE_WRONG_ITEM: "追溯码与药品不符",
    CheckRule.TRACE_EXPIRED: "追溯码过期销售",
    CheckRule.TRACE_MISSING: "销售未上传追溯码",
    CheckRule.SOLD_BEYOND_STOCK: "销售超出库存",
    CheckRule.REPORT_MISSING: "未按时报送",
    CheckRule.MONITORED_RISE: "监测价格涨幅过大",
    CheckRule.MONITORED_CHANGES: "监测价格变动频繁",
    CheckRule.INSPECTION: "现场检查不符合",
    CheckRule.COMPLAINT: "投诉查实",
}

KINDS: Final = {
    InstitutionKind.TOWNSHIP_HOSPITAL: "乡镇卫生院",
    InstitutionKind.COMMUNITY_HEALTH_CENTER: "社区卫生服务中心",
    InstitutionKind.VILLAGE_CLINIC: "村卫生室",
    InstitutionKind.COMMUNITY_HEALTH_STATION: "社区卫生服务站",
    InstitutionKind.PRIVATE_INSTITUTION: "民营医疗机构",
    InstitutionKind.RETAIL_PHARMACY: "零售药店",
}

Value = int | Decimal | None


def value_of(indicator: Indicator, block: dict[str, object]) -> Value:
    """The figure of a block as a number; None where nothing was divided by."""
    found = block[indicator.name]
    if found is None:
        return None
    return int(str(found)) if indicator.form is Form.COUNT else Decimal(str(found))


def written(indicator: Indicator, value: Value) -> str:
    """A figure for the reader.

    >>> written(BY_NAME["coverage"], Decimal("0.9610")), written(BY_NAME["order_amount"], Decimal("1904.7"))
    ('96.10%', '1,904.70')
    >>> written(BY_NAME["coverage"], None), written(BY_NAME["orders"], 1234)
    ('—', '1,234')
    """
    if value is None:
        return "—"
    if indicator.form is Form.RATE:
        return f"{Decimal(value) * 100:,.2f}%"
    return f"{value:,}" if indicator.form is Form.COUNT else f"{Decimal(value):,.2f}"
