"""What a finding is called in a letter: its facts in words, its rule in plain Chinese, what is to be done.

Everything that accuses is a figure of the finding; nothing is computed here but sums of the same figures.

>>> from clinic_orders.rules.findings import Grade
>>> matter = Matter(CheckRule.STOCKING_SHORT, Grade.VIOLATION, "", "2026-11", "carried = 29 < minimum = 30",
...                 {"carried": 29, "minimum": 30})
>>> WORDS[matter.rule].says(matter)
'2026年11月末在配29个品规，少于最少配备数30个'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from clinic_orders.rules.complaints import ComplaintKind
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.letters.content import Align
from clinic_orders.rules.letters.figures import amount, count, in_words, period_words, rate
from clinic_orders.rules.letters.matters import Matter
from clinic_orders.rules.payment_terms import Ageing
from clinic_orders.rules.reporting import ReportKind

_AGES: Final[Mapping[Ageing, str]] = {
    Ageing.UP_TO_30: "1–30天",
    Ageing.UP_TO_60: "31–60天",
    Ageing.UP_TO_90: "61–90天",
    Ageing.OVER_90: "90天以上",
}
_REPORTS: Final[Mapping[ReportKind, str]] = {
    ReportKind.PLANNED_VOLUME: "计划采购量",
    ReportKind.SALES: "销售明细",
    ReportKind.STOCK_COUNT: "库存盘点",
}
_COMPLAINTS: Final[Mapping[ComplaintKind, str]] = {
    ComplaintKind.DEARER: "价格高于标签或承诺",
    ComplaintKind.NO_TAG: "没有价格标签",
    ComplaintKind.TIED: "搭售其他商品",
    ComplaintKind.SHORT: "短少数量",
    ComplaintKind.INFERIOR: "以次充好",
    ComplaintKind.NOT_SOLD: "有货不卖",
    ComplaintKind.OTHER: "其他问题",
}
Cell = Callable[[Matter], str]
Heading = tuple[str, Align, int, Cell]
_L, _R, _C = Align.LEFT, Align.RIGHT, Align.CENTER


@dataclass(frozen=True, slots=True)
class Words:
    """A check in the words of letters.

    Attributes:
        topic: what it is about, as a heading and in titles.
        says: one finding in a clause without a full stop.
        law: the rule in plain words, with its ids.
        demand: what is to be done about it.
        columns: of the table of its findings.
        whole: what all findings together come to, as a clause; empty for nothing.
        sums: the columns that are added up in the last row, by heading.

    """

    topic: str
    says: Cell
    law: str
    demand: str
    columns: tuple[Heading, ...]
    whole: Callable[[Sequence[Matter]], str] = lambda matters: ""
    sums: tuple[tuple[str, str, Callable[[Any], str]], ...] = ()


def total_of(matters: Sequence[Matter], name: str) -> Decimal:
    """One figure of several findings added up."""
    return sum((Decimal(one.figures[name]) for one in matters), Decimal(0))


def _figure(name: str, write: Callable[[Any], str]) -> Cell:
    return lambda one: write(one.figures[name])


def _clause(text: object) -> str:
    """What somebody wrote, without the full stop at its end."""
    return str(text).strip().rstrip("。.；;，,")


def _about(one: Matter) -> str:
    return _COMPLAINTS[ComplaintKind(one.figures["about"])]


def _told(remark: object) -> str:
    """What was found, as the end of a clause; nothing where nobody said more."""
    said = _clause(remark)
    return f"：{said}" if said else ""


_ITEM: Final[Heading] = ("药品", _L, 40, lambda one: one.name)
_MONTH: Final[Heading] = ("期间", _C, 22, lambda one: one.period)
_SUM: Final[Heading] = ("计算", _L, 46, lambda one: in_words(one.formula))
_TIMES: Final[Heading] = ("笔数", _R, 13, _figure("times", count))


def _over_markup(one: Matter) -> str:
    found = one.figures
    return (
        f"{one.name}，{period_words(one.period)}有{count(found['lines'])}笔、{count(found['base_units'])}个最小单位"
        f"超过允许价，多收{amount(found['excess'])}元，最高加价率{rate(found['worst_rate'])}"
    )


def _volume(one: Matter) -> str:
    found = one.figures
    where = f"（{one.other}）" if one.other else ""
    missing = "、".join(
        f"{word}{count(found[name])}盒"
        for name, word in (("undelivered", "未送到"), ("rejected", "拒收"), ("not_ordered", "没有下单"))
        if int(found[name])
    )
    return (
        f"{one.name}{where}，{period_words(one.period)}起的周期约定{count(found['agreed'])}盒，"
        f"完成{count(found['counted'])}盒（{rate(found['progress'])}），时间进度{rate(found['time_progress'])}，"
        f"滞后{found['lag_pp']}个百分点" + (f"；差额中{missing}" if missing else "")
    )


def _trace(topic: str, law: str, demand: str, *, places: bool = False) -> Words:
    columns: tuple[Heading, ...] = (
        ("追溯码", _L, 44, lambda one: one.key),
        ("药品", _L, 44, lambda one: one.item),
        _MONTH,
        _TIMES,
    )
    if places:
        columns = (*columns, ("涉及单位数", _R, 20, lambda one: count(len(one.figures["institutions"]))))
    return Words(
        topic,
        lambda one: (
            f"追溯码{one.key}"
            + (f"（{one.item}）" if one.item else "")
            + f"，{period_words(one.period)}出现在{count(one.figures['times'])}笔销售中"
        ),
        law,
        demand,
        columns,
    )


_CHECK_CODES: Final = (
    "逐码核对实物、进货和销售记录，说明是扫错、录错、退货重售还是其他原因；错了的按系统提示更正，并附凭证。"
)
_TRACE_LAW: Final = (
    "每一盒集采药品应当赋码可追溯，扫码入库、扫码销售，一码只对应一盒（规则R-TRACE-1、R-TRACE-2）。"
)

WORDS: Final[Mapping[CheckRule, Words]] = {
    CheckRule.OVER_MARKUP: Words(
        "超承诺加价率销售",
        _over_markup,
        "销售集采药品，加价率不得高于承诺书载明的加价率和本类单位的加价上限；每笔允许金额=计价基准×（1+加价率）×"
        "销售数量÷包装数量（规则R-PRICE-1至R-PRICE-4）。",
        "立即按允许价销售并更正标价；核对多收的款项，能够联系到购药人的予以退还，退还凭证附后。",
        (
            _ITEM,
            _MONTH,
            ("笔数", _R, 12, _figure("lines", count)),
            ("数量", _R, 14, _figure("base_units", count)),
            ("多收（元）", _R, 19, _figure("excess", amount)),
            ("最高加价率", _R, 19, _figure("worst_rate", rate)),
            ("最高一笔的计算", _L, 46, lambda one: in_words(one.formula)),
        ),
        lambda all_: f"{count(total_of(all_, 'lines'))}笔，多收{amount(total_of(all_, 'excess'))}元",
        (("笔数", "lines", count), ("数量", "base_units", count), ("多收（元）", "excess", amount)),
    ),
    CheckRule.OVER_SHELF_PRICE: Words(
        "高于标价销售",
        lambda one: (
            f"{one.name}，{period_words(one.period)}有{count(one.figures['lines'])}笔售价高于标价或标价高于允许价，"
            f"多出{amount(one.figures['excess'])}元"
        ),
        "集采药品实行双标签，售价不得高于标价，标价不得高于允许价，参保和未参保购药人同价（规则R-PRICE-5）。",
        "立即按允许价更正标价，按标价销售；核对多收的款项，能够联系到购药人的予以退还，退还凭证附后。",
        (
            _ITEM,
            _MONTH,
            ("笔数", _R, 12, _figure("lines", count)),
            ("多出（元）", _R, 20, _figure("excess", amount)),
            _SUM,
        ),
        lambda all_: f"多出{amount(total_of(all_, 'excess'))}元",
        (("笔数", "lines", count), ("多出（元）", "excess", amount)),
    ),
    CheckRule.PAYMENT_OVERDUE: Words(
        "逾期未付货款",
        lambda one: (
            f"收货单{one.key}应于{period_words(one.period)}前付清，尚欠{one.other or '配送企业'}"
            f"{amount(one.figures['outstanding'])}元，逾期{count(one.figures['days_overdue'])}天"
        ),
        "集采药品验收入库后，应当按规定期限付清货款；付款按日期和单号核销，期满仍未付清的为逾期（规则R-PAY-1至R-PAY-4）。",
        "付清上列货款并在系统登记付款；已经付款的，补登付款日期和单号；对应付金额有不同意见的，写明收货单号和理由。",
        (
            ("收货单号", _L, 36, lambda one: one.key),
            ("配送企业", _L, 46, lambda one: one.other),
            ("应付日", _C, 24, lambda one: one.period),
            ("未付（元）", _R, 24, _figure("outstanding", amount)),
            ("逾期天数", _R, 13, _figure("days_overdue", count)),
            ("账龄", _C, 18, lambda one: _AGES[Ageing(one.figures["ageing"])]),
        ),
        lambda all_: f"未付货款{amount(total_of(all_, 'outstanding'))}元",
        (("未付（元）", "outstanding", amount),),
    ),
    CheckRule.STOCKING_SHORT: Words(
        "配备品种数不足",
        lambda one: (
            f"{period_words(one.period)}末在配{count(one.figures['carried'])}个品规，"
            f"少于最少配备数{count(one.figures['minimum'])}个"
        ),
        "参与单位应当常备集采药品，在配品规数不得少于本类单位的最少配备数（规则R-STOCK-1至R-STOCK-3）。",
        "按配备目录补足到最少配备数；确因缺货不能配齐的，写明品规和缺货情况。",
        (
            ("月份", _C, 30, lambda one: one.period),
            ("在配品规数", _R, 30, _figure("carried", count)),
            ("最少配备数", _R, 30, _figure("minimum", count)),
            ("相差", _R, 20, lambda one: count(int(one.figures["minimum"]) - int(one.figures["carried"]))),
        ),
    ),
    CheckRule.VOLUME_BEHIND: Words(
        "约定采购量进度滞后",
        _volume,
        "约定采购量是周期内应当完成的最低数量，完成数量按验收入库计算；差额按未送到、拒收和没有下单分清责任"
        "（规则R-VOL-2至R-VOL-5）。",
        "未下单的按约定数量安排采购；拒收的说明理由；确因临床需求变化不能完成的，写明原因并附依据。",
        (
            ("药品", _L, 37, lambda one: one.name + (f"（{one.other}）" if one.other else "")),
            ("周期起", _C, 22, lambda one: one.period),
            ("约定", _R, 13, _figure("agreed", count)),
            ("完成", _R, 13, _figure("counted", count)),
            ("完成率", _R, 16, _figure("progress", rate)),
            ("时间进度", _R, 17, _figure("time_progress", rate)),
            ("未送到", _R, 12, _figure("undelivered", count)),
            ("拒收", _R, 11, _figure("rejected", count)),
            ("没有下单", _R, 12, _figure("not_ordered", count)),
        ),
        lambda all_: (
            f"约定{count(total_of(all_, 'agreed'))}盒，完成{count(total_of(all_, 'counted'))}盒；差额中未送到"
            f"{count(total_of(all_, 'undelivered'))}盒、拒收{count(total_of(all_, 'rejected'))}盒、"
            f"没有下单{count(total_of(all_, 'not_ordered'))}盒"
        ),
        (
            ("约定", "agreed", count),
            ("完成", "counted", count),
            ("未送到", "undelivered", count),
            ("拒收", "rejected", count),
            ("没有下单", "not_ordered", count),
        ),
    ),
    CheckRule.NONSELECTED_SHARE: Words(
        "非中选药品占比过高",
        lambda one: (
            f"{one.key}，{period_words(one.period)}非中选药品采购占{rate(one.figures['share'])}，"
            f"高于上限{rate(one.figures['limit'])}"
        ),
        "同类药品应当优先采购、优先使用中选药品，非中选药品占比不得高于规定上限（规则R-VOL-6）。",
        "优先采购中选药品；确有临床需要的，逐笔登记理由。",
        (
            ("同类组", _L, 46, lambda one: one.key),
            _MONTH,
            ("非中选占比", _R, 24, _figure("share", rate)),
            ("上限", _R, 20, _figure("limit", rate)),
            _SUM,
        ),
    ),
    CheckRule.DELIVERY_RATE: Words(
        "配送率偏低",
        lambda one: (
            f"{period_words(one.period)}配送率{rate(one.figures['rate'])}，"
            f"已连续{count(one.figures['months_below'])}个月低于要求"
        ),
        "配送企业应当按时足量配送，月配送率不得连续低于规定比例（规则R-DEL-4）。",
        "逐单查明没有送到的原因，补送应送未送的药品，说明备货和运力安排；缺货的写明品规、原因和到货时间。",
        (
            _MONTH,
            ("配送率", _R, 24, _figure("rate", rate)),
            ("连续偏低月数", _R, 24, _figure("months_below", count)),
            _SUM,
        ),
    ),
    CheckRule.LATE_CONFIRMATION: Words(
        "订单响应超时",
        lambda one: (
            f"采购单{one.key}，{period_words(one.period)}才响应或超时作废，为提交后第{count(one.figures['working_days'])}个工作日"
        ),
        "配送企业应当在规定的工作日内响应采购单，逾期未响应的采购单自行作废（规则R-ORD-6）。",
        "说明超时原因和改进安排；今后在规定的工作日内逐单响应。",
        (
            ("采购单号", _L, 50, lambda one: one.key),
            ("响应或作废日", _C, 30, lambda one: one.period),
            ("第几个工作日", _R, 24, _figure("working_days", count)),
            _SUM,
        ),
    ),
    CheckRule.LATE_ACCEPTANCE: Words(
        "验收超时",
        lambda one: (
            f"{one.key}应于{period_words(one.period)}前验收，已超{count(one.figures['working_days'])}个工作日"
        ),
        "药品送到后，收货单位应当在规定的工作日内验收入库（规则R-DEL-6）。",
        "立即清点验收；有破损、不符的，按实际数量拒收并注明理由。",
        (
            ("收货单号", _L, 50, lambda one: one.key),
            ("应验收日", _C, 30, lambda one: one.period),
            ("超时工作日", _R, 24, _figure("working_days", count)),
            _SUM,
        ),
    ),
    CheckRule.SETTLED_NOT_SOLD: Words(
        "医保结算与销售不符",
        lambda one: (
            f"{one.name}，{period_words(one.period)}医保结算{count(one.figures['settled'])}个最小单位，"
            f"销售加库存只有{count(one.figures['sold'])}个"
        ),
        "医保结算数量应当与实际销售、库存相符（规则R-PRICE-7）。",
        "逐笔核对结算、销售和库存记录，说明差异原因，并附凭证。",
        (
            _ITEM,
            _MONTH,
            ("结算数量", _R, 20, _figure("settled", count)),
            ("销售加库存", _R, 20, _figure("sold", count)),
            _SUM,
        ),
    ),
    CheckRule.EMERGENCY_SHARE: Words(
        "紧急采购占比偏高",
        lambda one: f"{period_words(one.period)}采购明细中紧急采购占{rate(one.figures['share'])}",
        "紧急采购用于急救等确有需要的情形，不代替日常采购（规则R-ORD-9）。",
        "逐单说明紧急采购的理由；日常用药按计划采购。",
        (_MONTH, ("紧急采购占比", _R, 30, _figure("share", rate)), _SUM),
    ),
    CheckRule.TIED_SALE: Words(
        "疑似搭售",
        lambda one: (
            f"{one.name}，{period_words(one.period)}的{count(one.figures['receipts'])}张小票中"
            f"{rate(one.figures['share'])}同有一种目录外商品"
        ),
        "销售集采药品不得强制搭售其他商品（规则R-PRICE-6）。",
        "说明两种商品同时售出的原因，并附小票；有搭售的立即停止。",
        (
            ("药品和商品", _L, 56, lambda one: one.key),
            _MONTH,
            ("小票数", _R, 16, _figure("receipts", count)),
            ("占比", _R, 18, _figure("share", rate)),
            _SUM,
        ),
    ),
    CheckRule.TRACE_REPEAT_SAME: _trace("追溯码在本单位重复销售", _TRACE_LAW, _CHECK_CODES, places=True),
    CheckRule.TRACE_REPEAT_FAR: _trace("追溯码在多个单位重复销售", _TRACE_LAW, _CHECK_CODES, places=True),
    CheckRule.TRACE_REPEAT_NEAR: _trace(
        "追溯码短期内在多个单位重复销售", _TRACE_LAW, _CHECK_CODES, places=True
    ),
    CheckRule.TRACE_NOT_RECEIVED: _trace("追溯码有销无进", _TRACE_LAW, _CHECK_CODES),
    CheckRule.TRACE_SOLD_AFTER_RETURN: _trace("追溯码退货后再售", _TRACE_LAW, _CHECK_CODES),
    CheckRule.TRACE_BEFORE_RECEIPT: _trace("追溯码先销后进", _TRACE_LAW, _CHECK_CODES),
    CheckRule.TRACE_WRONG_ITEM: _trace("追溯码与药品不符", _TRACE_LAW, _CHECK_CODES),
    CheckRule.TRACE_EXPIRED: _trace(
        "过期药品销售线索",
        "不得销售超过有效期的药品；追溯码载明的批次有效期早于销售日的，应当核实（规则R-TRACE-2）。",
        "立即核对实物批号和有效期；确已过期的立即下架封存，并说明售出去向。",
    ),
    CheckRule.TRACE_MISSING: Words(
        "销售未上传追溯码",
        lambda one: (
            f"{one.name}，{period_words(one.period)}有{count(one.figures['times'])}笔整盒销售没有追溯码"
        ),
        "整盒销售集采药品应当扫码上传追溯码（规则R-TRACE-1、R-TRACE-2）。",
        "补传能够补传的追溯码；说明没有扫码的原因，今后逐盒扫码销售。",
        (_ITEM, _MONTH, _TIMES),
        lambda all_: f"{count(total_of(all_, 'times'))}笔没有追溯码",
        (("笔数", "times", count),),
    ),
    CheckRule.SOLD_BEYOND_STOCK: Words(
        "销售超出库存",
        lambda one: (
            f"{one.name}，{period_words(one.period)}有{count(one.figures['times'])}天账面卖出的多于库存"
        ),
        "销售数量不得超出盘点和验收入库形成的库存（规则R-STOCK-3、R-TRACE-2）。",
        "盘点实物，核对入库和销售记录，说明差异原因，并附盘点表。",
        (_ITEM, _MONTH, ("天数", _R, 16, _figure("times", count))),
    ),
    CheckRule.REPORT_MISSING: Words(
        "未按时报送",
        lambda one: (
            f"{period_words(one.period)}的{_REPORTS[ReportKind(one.key)]}应于"
            f"{period_words(str(one.figures['due_on']))}前报送，至今未报"
        ),
        "参与单位应当按期报送计划采购量、销售明细和库存盘点（规则R-VOL-1）。",
        "立即补报，并说明没有按时报送的原因。",
        (
            ("报送内容", _L, 44, lambda one: _REPORTS[ReportKind(one.key)]),
            _MONTH,
            ("应报日", _C, 30, lambda one: str(one.figures["due_on"])),
        ),
    ),
    CheckRule.INSPECTION: Words(
        "现场检查不符合项",
        lambda one: (
            f"{period_words(one.period)}现场检查，“{_clause(one.figures['asked'])}”不符合{_told(one.figures['remark'])}"
        ),
        "参与单位应当落实“六统一”标准，并按规定采购、配送验收、付款、销售和追溯集采药品（规则R-CASE-5）。",
        "对照现场检查笔录逐项整改，说明原因，并附整改后的照片。",
        (
            ("检查内容", _L, 60, _figure("asked", str)),
            ("检查日", _C, 30, lambda one: one.period),
            ("现场情况", _L, 50, _figure("remark", str)),
        ),
    ),
    CheckRule.COMPLAINT: Words(
        "群众投诉查实",
        lambda one: (
            f"群众反映的“{_about(one)}”（{one.key}）经{period_words(one.period)}核查属实"
            f"{_told(one.figures['remark'])}"
        ),
        "参与单位应当接受社会监督，按承诺价格销售集采药品，不得变相涨价、搭售（规则R-CASE-5）。",
        "立即改正，说明原因；多收的价款退还顾客，并附凭证。",
        (
            ("投诉编号", _L, 40, lambda one: one.key),
            ("反映事项", _L, 36, _about),
            ("查实日", _C, 28, lambda one: one.period),
            ("核查情况", _L, 40, _figure("remark", str)),
        ),
    ),
    CheckRule.MONITORED_RISE: Words(
        "监测价格涨幅过大",
        lambda one: (
            f"{one.name}，{period_words(one.period)}每盒售价由{amount(one.figures['before'])}元"
            f"变为{amount(one.figures['price'])}元，涨幅{rate(one.figures['rise'])}"
        ),
        "价格监测点按月报告监测药品的零售价格，涨幅超过预警线的，应当说明原因（规则R-STAT-4）。",
        "书面说明涨价的原因并附进货凭证；无正当理由的，恢复到合理价格。",
        (
            _ITEM,
            _MONTH,
            ("原价（元）", _R, 20, _figure("before", amount)),
            ("现价（元）", _R, 20, _figure("price", amount)),
            ("涨幅", _R, 20, _figure("rise", rate)),
        ),
    ),
    CheckRule.MONITORED_CHANGES: Words(
        "监测价格变动频繁",
        lambda one: f"{one.name}，{period_words(one.period)}价格变动{count(one.figures['changes'])}次",
        "价格监测点按月报告监测药品的零售价格，一个月内变动次数超过预警线的，应当说明原因（规则R-STAT-4）。",
        "书面说明价格变动的原因并附进货凭证，明码标价并保持价格稳定。",
        (_ITEM, _MONTH, ("变动次数", _R, 30, _figure("changes", count))),
    ),
}
"""Every check in the words of letters."""

TO_DISTRIBUTOR: Final[Mapping[CheckRule, str]] = {
    CheckRule.VOLUME_BEHIND: "补送上列没有送到的药品；缺货的写明品规、原因和到货时间，并告知收货单位。",
}
"""What is demanded of a distributor where it is not what an institution has to do."""
