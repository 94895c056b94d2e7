"""What the kinds of files and their columns are called and mean on screen, with an example of each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask_babel import gettext

from clinic_orders.exchange.cells import Sheet
from clinic_orders.exchange.kinds import Column, Kind
from clinic_orders.models.exchange import RecordChange
from clinic_orders.rules.errors import N_
from clinic_orders.rules.export_jobs import ExportState
from clinic_orders.rules.import_jobs import ImportState
from clinic_orders.web.display import register_labels

register_labels(
    {
        RecordChange.CREATED: N_("created"),
        RecordChange.CHANGED: N_("changed"),
        RecordChange.REMOVED: N_("removed"),
    }
)
register_labels(
    {
        ImportState.WAITING: N_("waiting for its turn"),
        ImportState.READING: N_("being read"),
        ImportState.STORING: N_("being stored"),
        ImportState.TRIED: N_("tried, waiting for your decision"),
        ImportState.DONE: N_("taken in"),
        ImportState.REFUSED: N_("to be put right"),
        ImportState.FAILED: N_("broken off"),
        ImportState.CANCELLED: N_("cancelled"),
    }
)
register_labels(
    {
        ExportState.WAITING: N_("waiting for its turn"),
        ExportState.WRITING: N_("being made"),
        ExportState.DONE: N_("ready to fetch"),
        ExportState.REFUSED: N_("can't be made"),
        ExportState.FAILED: N_("broken off"),
        ExportState.CANCELLED: N_("cancelled"),
    }
)


@dataclass(frozen=True, slots=True)
class KindWords:
    """The msgids of a kind's name and of a sentence about it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ColumnWords:
    """What a column holds: the msgid of its meaning, and an example; empty where it is mostly left out."""

    meaning: str
    example: str = ""


KIND_WORDS: Final[dict[str, KindWords]] = {
    "catalogue": KindWords(
        N_("Catalogue of items"),
        N_(
            "Every item with its pack, maker and batch of procurement. The pack of a known item code can't change."
        ),
    ),
    "prices": KindWords(
        N_("Prices of items"),
        N_(
            "What a pack costs from a day on, with the document it rests on. Orders sent before keep their price."
        ),
    ),
    "editions": KindWords(
        N_("Editions of the catalogue"),
        N_("Which items are in which edition, and from which day the edition is in force."),
    ),
    "institutions": KindWords(
        N_("Institutions of the roster"),
        N_("The state of an institution from a day on: name, kind, place, supervisor, first and last day."),
    ),
    "mandates": KindWords(
        N_("Mandates to order for others"),
        N_("Which hospital may order for which clinic, from when to when."),
    ),
    "commitments": KindWords(
        N_("Signed commitment letters"),
        N_("Who signed which version of the letter when, with the promised markup rate."),
    ),
    "distributors": KindWords(N_("Distributors on the roster"), N_("The companies that deliver.")),
    "delivery-relations": KindWords(
        N_("Who delivers what"), N_("Which distributor delivers an item to an institution or a county.")
    ),
    "policies": KindWords(
        N_("Values of policy"), N_("The value of a parameter from a day on. An empty value means: not set.")
    ),
    "orders": KindWords(
        N_("Orders of the past"),
        N_(
            "Orders with their answers, closures and withdrawals, one row a line. Refusals of today are not applied; the sums must be right."
        ),
    ),
    "receipts": KindWords(
        N_("Receipts of the past"),
        N_("Goods under way or received, one row a batch. Without an acceptance the goods are under way."),
    ),
    "returns": KindWords(
        N_("Returns of the past"),
        N_("Packs that went back and were agreed by the distributor, one row a batch."),
    ),
    "payments": KindWords(
        N_("Payments of the past"),
        N_(
            "Money that institutions paid to distributors, one row a payment. Imported payments count as confirmed."
        ),
    ),
    "agreed-volumes": KindWords(
        N_("Agreed volumes"),
        N_(
            "How many packs of an item an institution has agreed to buy in a cycle. A cycle has the same days for every institution."
        ),
    ),
    "supply-problems": KindWords(
        N_("Supply problems"),
        N_(
            "Items that can't be had in a county or in the whole city, with the backup item that counts meanwhile."
        ),
    ),
    "sales": KindWords(
        N_("Sales to patients and customers"),
        N_(
            "What was sold, one row a line. The same line again with other values is a correction; the earlier one stays on record."
        ),
    ),
    "settlements": KindWords(
        N_("Settlements of the fund"),
        N_("What the insurance fund settled with an institution for an item in a month."),
    ),
    "stock-counts": KindWords(
        N_("Stock counts"), N_("What was on the shelf of an institution at the end of a day.")
    ),
    "shelf-prices": KindWords(
        N_("Posted prices"), N_("The price per pack on the tag of an institution, from a day on.")
    ),
    "other-purchases": KindWords(
        N_("Purchases of non-selected products"),
        N_("Products bought in place of selected ones, with the group they belong to."),
    ),
    "trace-products": KindWords(
        N_("Products of trace codes"),
        N_(
            "Which item the first seven digits of a trace code mean, and how many base units such a pack holds."
        ),
    ),
    "issued-clues": KindWords(
        N_("Clues from above"),
        N_(
            "Clues on trace codes that an office above has issued, by batch and number; they are looked into like our own."
        ),
    ),
    "product-codes": KindWords(
        N_("69-codes"),
        N_("Which item the bar code of the product on a pack means, so that it can be scanned."),
    ),
    "designated-pharmacies": KindWords(
        N_("Designated pharmacies"),
        N_(
            "Pharmacies that are designated by the insurance, with their place. A new one keeps its distance."
        ),
    ),
    "monitored-prices": KindWords(
        N_("Watched prices"),
        N_("What a sentinel institution asks for a pack on a day, or that it has none."),
    ),
    "listed-products": KindWords(
        N_("Listed products that are not selected"),
        N_(
            "Listed price and anchors of products that are not selected ones here, for their price-risk label."
        ),
    ),
}

# By column, or by kind and column where one word means different things.
COLUMN_WORDS: Final[dict[str, ColumnWords]] = {
    "item_code": ColumnWords(N_("Code of the item, kept exactly with leading zeros"), "LY001"),
    "generic_name": ColumnWords(N_("Generic name of the drug"), "阿卡波糖"),
    "form": ColumnWords(N_("Dosage form"), "口服常释剂型"),
    "strength": ColumnWords(N_("Strength"), "50mg"),
    "pack_size": ColumnWords(N_("Base units in a pack, a whole number"), "30"),
    "base_unit": ColumnWords(N_("Unit in which it is sold in pieces"), "片"),
    "manufacturer": ColumnWords(N_("Manufacturer as on the pack"), "拜耳医药保健有限公司"),
    "batch": ColumnWords(N_("Batch of the national or provincial procurement"), "第二批"),
    "approval_no": ColumnWords(N_("Approval number"), "国药准字H19990205"),
    "catalogue.nhsa_code": ColumnWords(
        N_("National insurance code of the drug: 23 characters, 20 for a Chinese patent medicine"), ""
    ),
    "variety": ColumnWords(N_("Variety; left empty it is generic name and form"), ""),
    "group": ColumnWords(N_("Group of drugs that replace each other; left empty it is the variety"), ""),
    "suits": ColumnWords(
        N_("Kinds of institution that may order it, with ; between them; left empty all"),
        "village_clinic;township_hospital",
    ),
    "ceiling_price": ColumnWords(N_("Highest valid price of the tender, for savings"), ""),
    "supplies_here": ColumnWords(N_("Y if the maker was selected for this province, else N"), "Y"),
    "cold_chain": ColumnWords(N_("Y if it needs cold chain, else N"), "N"),
    "valid_from": ColumnWords(N_("First day on which it holds"), "2026-01-01"),
    "valid_to": ColumnWords(N_("Last day, included; left empty until further notice"), ""),
    "prices.pack_price": ColumnWords(N_("Yuan for a pack, at most 4 decimals"), "3.36"),
    "orders.pack_price": ColumnWords(N_("Yuan for a pack at which it was ordered"), "3.36"),
    "document_no": ColumnWords(N_("Number of the document it rests on"), "洛医保发〔2026〕1号"),
    "edition": ColumnWords(N_("Name of the edition it is in"), "2026-1"),
    "code": ColumnWords(N_("Code, kept exactly"), "H41032500001"),
    "distributors.code": ColumnWords(N_("Code, kept exactly"), "D41030001"),
    "institutions.valid_from": ColumnWords(N_("First day of this state; left empty the day of joining"), ""),
    "name": ColumnWords(N_("Name"), "车村镇卫生院（示例）"),
    "distributors.name": ColumnWords(N_("Name"), "示例医药配送有限公司"),
    "institutions.kind": ColumnWords(
        N_("Kind of institution, as code or Chinese label"), "township_hospital"
    ),
    "policies.kind": ColumnWords(N_("Kind of institution for which it holds; left empty all"), ""),
    "policies.scale": ColumnWords(N_("Scale for which it holds; needs a kind"), ""),
    "county_code": ColumnWords(N_("Code of the county, 6 digits"), "410325"),
    "township": ColumnWords(N_("Township or street it is in"), "车村镇"),
    "village": ColumnWords(N_("Village or neighbourhood"), ""),
    "supervisor_code": ColumnWords(N_("Code of the supervising hospital of a clinic or station"), ""),
    "scale": ColumnWords(N_("Scale, free text that policy may name"), ""),
    "speciality": ColumnWords(N_("Speciality, free text that policy may name"), ""),
    "remote": ColumnWords(N_("Y if delivery may take longer, else N"), "N"),
    "headquarters_code": ColumnWords(N_("Code of the chain's headquarters"), ""),
    "lead_hospital_code": ColumnWords(N_("Code of the medical community's lead hospital"), ""),
    "uscc": ColumnWords(N_("Unified social credit code, 18 characters"), ""),
    "institutions.nhsa_code": ColumnWords(N_("Insurance code: H or P and 11 digits"), ""),
    "joined_on": ColumnWords(N_("First day as a member"), "2025-01-01"),
    "left_on": ColumnWords(N_("Last day as a member"), ""),
    "phone": ColumnWords(N_("Phone"), "0379-0000-0000"),
    "address": ColumnWords(N_("Where the institution is"), ""),
    "lng": ColumnWords(N_("Longitude in degrees"), ""),
    "lat": ColumnWords(N_("Latitude in degrees"), ""),
    "institution_code": ColumnWords(N_("Code of the institution"), "H41032500002"),
    "orders.institution_code": ColumnWords(
        N_("Code of the institution that receives the goods"), "H41032500002"
    ),
    "hospital_code": ColumnWords(N_("Code of the hospital that may order for it"), "H41032500001"),
    "signed_on": ColumnWords(N_("Day of signature"), "2025-01-01"),
    "version": ColumnWords(N_("Version of the letter"), "2025-1"),
    "markup_rate": ColumnWords(N_("Promised markup as a decimal: 0.15 is 15 %%"), "0.15"),
    "ends_on": ColumnWords(N_("Last day, included; left empty until the next letter"), ""),
    "scope": ColumnWords(N_("Code of an institution or a county"), "410325"),
    "delivery-relations.item_code": ColumnWords(N_("Code of the item, * for all"), "*"),
    "distributor_code": ColumnWords(N_("Code of the distributor"), "D41030001"),
    "parameter": ColumnWords(N_("Name of the parameter as on the policy page"), "order.confirm_days"),
    "value": ColumnWords(N_("Value in the parameter's own form; empty = not set"), "2"),
    "order_no": ColumnWords(N_("Number of the order"), "CG20260105-0001"),
    "ordering_code": ColumnWords(N_("Who ordered; left empty the institution itself"), ""),
    "paying_code": ColumnWords(N_("Who pays; left empty the institution itself"), ""),
    "packs": ColumnWords(N_("Packs ordered, a whole number from 1"), "20"),
    "returns.packs": ColumnWords(N_("Packs that go back, a whole number from 1"), "3"),
    "submitted_at": ColumnWords(N_("Instant of submission"), "2026-01-05T09:00"),
    "mode": ColumnWords(N_("direct, proxy or medical_community, or the Chinese label"), "direct"),
    "channel": ColumnWords(N_("Outside channel; left empty this system"), ""),
    "emergency": ColumnWords(N_("Y for an emergency order, else N"), "N"),
    "emergency_reason": ColumnWords(N_("Reason of the emergency"), ""),
    "confirmed_packs": ColumnWords(
        N_("Packs confirmed; empty together with its instant = not answered"), "20"
    ),
    "confirmed_at": ColumnWords(N_("Instant of the answer"), "2026-01-05T15:30"),
    "closed_packs": ColumnWords(N_("Packs closed short by the distributor"), ""),
    "closed_at": ColumnWords(N_("Instant of closing"), ""),
    "closed_reason": ColumnWords(
        N_("stock_out, expired, pack_changed, discontinued, other, or the Chinese label"), ""
    ),
    "withdrawn_packs": ColumnWords(N_("Packs withdrawn by the buyer"), ""),
    "withdrawn_at": ColumnWords(N_("Instant of withdrawal; it tells whether it was before the answer"), ""),
    "receipt_no": ColumnWords(N_("Number of the delivery note and receipt"), "PS20260106-0001"),
    "batch_no": ColumnWords(N_("Batch number on the pack"), "260101"),
    "returns.batch_no": ColumnWords(N_("Batch number; needed where the receipt has several of the item"), ""),
    "shipped_packs": ColumnWords(N_("Packs that were shipped"), "20"),
    "accepted_packs": ColumnWords(N_("Packs accepted; empty = under way"), "20"),
    "rejected_packs": ColumnWords(N_("Packs rejected; accepted and rejected make shipped"), "0"),
    "reject_reason": ColumnWords(
        N_(
            "Needed where packs were rejected: damaged, wrong_item, wrong_quantity, short_expiry, quality, no_papers, not_ordered, other, or the Chinese label"
        ),
        "",
    ),
    "short_expiry_reason": ColumnWords(N_("Why packs near expiry were accepted"), ""),
    "expiry_date": ColumnWords(N_("Last day of use"), "2028-06-30"),
    "invoice_no": ColumnWords(N_("Invoice number"), "004100260001"),
    "shipped_at": ColumnWords(N_("Instant of shipping"), "2026-01-06T08:00"),
    "delivered_at": ColumnWords(N_("Instant of delivery"), "2026-01-06T16:00"),
    "accepted_at": ColumnWords(N_("Instant of acceptance; empty = under way"), "2026-01-07T09:00"),
    "receipts.trace_codes": ColumnWords(N_("Trace codes of the accepted packs, with ; between them"), ""),
    "returns.trace_codes": ColumnWords(N_("Trace codes of the packs that go back, with ; between them"), ""),
    "payments.institution_code": ColumnWords(N_("Code of the institution that paid"), "H41032500002"),
    "payments.receipt_no": ColumnWords(
        N_("Receipt that is paid; left empty the money goes to the receipt that falls due first"), ""
    ),
    "payment_no": ColumnWords(N_("Number of the payment, one of a kind between the two"), "FK20260228-0001"),
    "amount": ColumnWords(N_("Yuan, above 0, at most 2 decimals"), "1260.50"),
    "paid_on": ColumnWords(N_("Day on which it was paid"), "2026-02-28"),
    "method": ColumnWords(N_("How it was paid: transfer, cash, or other words"), "transfer"),
    "reference": ColumnWords(N_("The bank's number"), ""),
    "recorded_by": ColumnWords(N_("Who recorded it"), ""),
    "return_no": ColumnWords(N_("Number of the return"), "TH20260115-0001"),
    "agreed_at": ColumnWords(N_("Instant at which the distributor agreed"), "2026-01-15T10:00"),
    "reason": ColumnWords(
        N_("quality, recall, near_expiry, wrong_delivery, overstock, other, or the Chinese label"),
        "near_expiry",
    ),
    "cycle_start": ColumnWords(N_("First day of the cycle"), "2026-01-01"),
    "cycle_end": ColumnWords(
        N_("Last day of the cycle, included; the same for every institution"), "2026-12-31"
    ),
    "reported_packs": ColumnWords(N_("Packs that the institution planned"), "240"),
    "agreed_packs": ColumnWords(N_("Packs that were agreed, a whole number from 1"), "200"),
    "supply-problems.county_code": ColumnWords(
        N_("Code of the county, 6 digits; left empty the whole city"), "410325"
    ),
    "first_day": ColumnWords(N_("First day of the problem"), "2026-03-01"),
    "last_day": ColumnWords(N_("Last day, included; left empty until further notice"), ""),
    "backup_item_code": ColumnWords(N_("Code of the item that counts meanwhile"), "LY002"),
    "verified_by": ColumnWords(N_("Who verified it"), "医保局李明"),
    "sale_no": ColumnWords(N_("Number of the receipt that the customer got"), "XS20260105-0001"),
    "line_no": ColumnWords(N_("Number of the line"), "1"),
    "sales.item_code": ColumnWords(
        N_(
            "Code of the item; empty for a product outside the catalogue, whose name stands in its own column"
        ),
        "LY001",
    ),
    "sold_at": ColumnWords(N_("Instant of the sale"), "2026-01-05T10:20"),
    "sales.base_units": ColumnWords(N_("Base units sold; below 0 for a customer's return"), "28"),
    "sales.amount": ColumnWords(N_("Yuan taken, at most 2 decimals"), "3.36"),
    "insured": ColumnWords(N_("Y if the fund paid for it, else N"), "Y"),
    "sales.trace_codes": ColumnWords(N_("Trace codes of the packs, with ; between them"), ""),
    "other_product": ColumnWords(N_("Name of a product outside the catalogue"), ""),
    "month": ColumnWords(N_("Month that was settled, YYYY-MM"), "2026-01"),
    "settlements.base_units": ColumnWords(N_("Base units settled"), "280"),
    "settlements.amount": ColumnWords(N_("Yuan settled, at most 2 decimals"), "33.60"),
    "counted_on": ColumnWords(N_("Day at whose end it was counted"), "2026-01-31"),
    "stock-counts.base_units": ColumnWords(N_("Base units found; 0 is a count too"), "84"),
    "posted_on": ColumnWords(N_("First day on which the tag says so"), "2026-01-01"),
    "shelf-prices.price": ColumnWords(N_("Yuan for a pack on the tag, at most 4 decimals"), "3.36"),
    "other-purchases.document_no": ColumnWords(N_("Number of the purchase paper"), "CG-0001"),
    "other-purchases.group": ColumnWords(
        N_("Group of drugs that replace each other"), "氯吡格雷口服常释剂型"
    ),
    "product_name": ColumnWords(N_("Name of the product"), "硫酸氢氯吡格雷片（非中选）"),
    "other-purchases.base_units": ColumnWords(N_("Base units bought, a whole number from 1"), "280"),
    "other-purchases.amount": ColumnWords(N_("Yuan paid, at most 2 decimals"), "120.00"),
    "purchased_on": ColumnWords(N_("Day of the purchase"), "2026-01-08"),
    "justified": ColumnWords(N_("Y if the bureau accepts the reason, else N"), "N"),
    "barcode": ColumnWords(N_("Bar code of the product, 8, 13 or 14 digits"), "6901234567892"),
    "issued_batch": ColumnWords(N_("Number of the batch in which the clue was issued"), "豫医保线索2026-11"),
    "clue_no": ColumnWords(N_("Number of the clue in its batch"), "1"),
    "trace_code": ColumnWords(N_("Trace code of the pack"), "81234567890123456789"),
    "issued-clues.institution_code": ColumnWords(
        N_("Code of the institution, where it is one of ours"), "C001"
    ),
    "institution_name": ColumnWords(
        N_("Name of the institution as the office above writes it"), "示例村卫生室"
    ),
    "issuer": ColumnWords(N_("Who issued it"), "河南省医疗保障局"),
    "issued_on": ColumnWords(N_("Day of issue"), "2026-11-02"),
    "issued-clues.deadline": ColumnWords(N_("Last day to answer the office above"), "2026-12-31"),
    "text": ColumnWords(N_("What the office above noticed"), "同一追溯码在两家机构结算"),
    "prefix": ColumnWords(N_("First 7 digits of the code, leading zeros kept"), "8123456"),
    "base_units_per_code": ColumnWords(N_("Base units in a pack with such a code"), "28"),
    "observed_on": ColumnWords(N_("Day on which it was observed"), "2026-01-05"),
    "monitored-prices.price": ColumnWords(N_("Yuan a pack; empty where there is none to be had"), "3.36"),
    "out_of_stock": ColumnWords(N_("Y if it is out of stock, else N"), "N"),
    "product_code": ColumnWords(N_("Code of the listed product, kept exactly"), "GW0001"),
    "listed-products.variety": ColumnWords(N_("Generic name of the variety"), "氯吡格雷口服常释剂型"),
    "listed-products.product_name": ColumnWords(
        N_("Name with strength and pack"), "硫酸氢氯吡格雷片 75mg×28片（示例）"
    ),
    "status": ColumnWords(N_("What the product is"), "passed"),
    "listed_from": ColumnWords(N_("Day from which the listed price holds"), "2026-01-01"),
    "listed-products.price": ColumnWords(N_("Listed price, yuan a pack"), "88.00"),
    "own_selected_price": ColumnWords(N_("Its own selected price elsewhere, same pack"), ""),
    "highest_selected_price": ColumnWords(N_("Highest selected price of the variety, same pack"), "68.24"),
    "highest_listed_price": ColumnWords(N_("Highest listed price under the generic name, same pack"), ""),
    "designated-pharmacies.code": ColumnWords(N_("Code, kept exactly"), "P41030300001"),
    "designated-pharmacies.name": ColumnWords(N_("Name"), "示例定点药店"),
    "designated-pharmacies.lng": ColumnWords(N_("Longitude in degrees"), "112.434468"),
    "designated-pharmacies.lat": ColumnWords(N_("Latitude in degrees"), "34.663041"),
}

_FORMS: Final = {
    Sheet.TEXT: N_("text"),
    Sheet.WHOLE: N_("whole number"),
    Sheet.DECIMAL: N_("number with a point"),
    Sheet.DAY: N_("day, YYYY-MM-DD"),
    Sheet.INSTANT: N_("instant, YYYY-MM-DDTHH:MM"),
}


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column as the page explains it."""

    name: str
    label: str
    required: bool
    form: str
    meaning: str
    example: str


def kind_name(name: str) -> str:
    """The translated name of a kind; the kind itself where it is none any more."""
    words = KIND_WORDS.get(name)
    return gettext(words.name) if words else name


def column_words(kind: Kind, column: Column) -> ColumnWords:
    """What is said of a column of a kind.

    Raises:
        KeyError: nobody has said anything, which is a bug.

    """
    return COLUMN_WORDS.get(f"{kind.name}.{column.name}") or COLUMN_WORDS[column.name]


def columns_of(kind: Kind) -> list[ShownColumn]:
    """The columns of a kind, in the language of the reader."""
    shown = []
    for column in kind.columns:
        words = column_words(kind, column)
        shown.append(
            ShownColumn(
                column.name,
                column.label,
                not column.takes_empty,
                gettext(_FORMS[column.sheet]),
                # A per cent sign in a msgid is doubled, as in all texts with places.
                str(gettext(words.meaning)).replace("%%", "%"),
                words.example,
            )
        )
    return shown
