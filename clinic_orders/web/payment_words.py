"""What the states, ways and sides of payments are called on screen."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.payments import PaymentMethod, PaymentSide, PaymentState
from clinic_orders.web.display import register_labels

register_labels(
    {
        PaymentState.WAITING: N_("To be confirmed by the other side"),
        PaymentState.CONFIRMED: N_("Payment confirmed"),
        PaymentState.DISPUTED: N_("Payment disputed"),
        PaymentState.UPHELD: N_("Upheld by the bureau"),
        PaymentState.REJECTED: N_("Not recognised by the bureau"),
        PaymentState.WITHDRAWN: N_("Entry taken back"),
    }
)
register_labels(
    {
        PaymentMethod.TRANSFER: N_("Bank transfer"),
        PaymentMethod.ALIPAY: N_("Alipay"),
        PaymentMethod.WECHAT: N_("WeChat Pay"),
        PaymentMethod.CASH: N_("Cash"),
        PaymentMethod.CHEQUE: N_("Cheque"),
        PaymentMethod.OTHER: N_("Another way"),
    }
)
register_labels(
    {
        PaymentSide.INSTITUTION: N_("The paying institution"),
        PaymentSide.DISTRIBUTOR: N_("The distributor"),
        PaymentSide.FILE: N_("An imported file"),
    }
)

STATE_SHAPES = {
    PaymentState.WAITING: "wait",
    PaymentState.CONFIRMED: "ok",
    PaymentState.DISPUTED: "warn",
    PaymentState.UPHELD: "ok",
    PaymentState.REJECTED: "off",
    PaymentState.WITHDRAWN: "off",
}
