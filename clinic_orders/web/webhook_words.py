"""What the states, events and failures of webhooks are called."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.webhooks import DeliveryState, Event, Failure, PauseReason, WebhookState
from clinic_orders.web.display import register_labels

register_labels(
    {
        WebhookState.ACTIVE: N_("in use"),
        WebhookState.PAUSED: N_("paused"),
        WebhookState.ENDED: N_("taken away"),
    }
)
register_labels(
    {
        PauseReason.ASKED: N_("paused by hand"),
        PauseReason.FAILING: N_("the receiver has taken nothing for a day"),
        PauseReason.GONE: N_("the receiver says that it wants no more (410)"),
        PauseReason.OWNER: N_("the account or its tokens have ended"),
        PauseReason.SECRET: N_("the secret can't be opened on this machine any more"),
    }
)
register_labels(
    {
        DeliveryState.WAITING: N_("waits"),
        DeliveryState.DONE: N_("taken"),
        DeliveryState.FAILED: N_("given up"),
        DeliveryState.CANCELLED: N_("not sent any more"),
    }
)
register_labels(
    {
        Failure.STATUS: N_("refused by the receiver"),
        Failure.REDIRECT: N_("redirected, which is not followed"),
        Failure.TIMEOUT: N_("no answer in time"),
        Failure.NO_CONNECTION: N_("no connection"),
        Failure.NAME_UNKNOWN: N_("the name leads nowhere"),
        Failure.ADDRESS_REFUSED: N_("the name leads to an address that is not allowed"),
        Failure.TLS: N_("the certificate is not right"),
        Failure.NOT_HTTP: N_("the answer is no HTTP"),
        Failure.SECRET: N_("the secret can't be opened"),
    }
)
register_labels(
    {
        Event.ORDER_SUBMITTED: N_("order sent"),
        Event.ORDER_ANSWERED: N_("order answered"),
        Event.ORDER_WITHDRAWN: N_("order withdrawn"),
        Event.ORDER_LAPSED: N_("order lapsed"),
        Event.ORDER_CLOSED: N_("rest of an order closed"),
        Event.SHIPMENT_MADE: N_("goods shipped"),
        Event.SHIPMENT_DELIVERED: N_("goods delivered"),
        Event.SHIPMENT_CANCELLED: N_("shipment cancelled"),
        Event.SHIPMENT_ACCEPTED: N_("goods accepted"),
        Event.RETURN_REQUESTED: N_("return asked for"),
        Event.RETURN_WITHDRAWN: N_("return withdrawn"),
        Event.RETURN_AGREED: N_("return agreed"),
        Event.RETURN_REFUSED: N_("return refused"),
        Event.RETURN_ARRIVED: N_("returned goods arrived"),
        Event.PAYMENT_ENTERED: N_("payment entered"),
        Event.PAYMENT_CONFIRMED: N_("payment confirmed"),
        Event.PAYMENT_DISPUTED: N_("payment disputed"),
        Event.PAYMENT_UPHELD: N_("payment upheld"),
        Event.PAYMENT_REJECTED: N_("payment rejected"),
        Event.PAYMENT_WITHDRAWN: N_("payment entry taken back"),
        Event.MONTH_CLOSED: N_("month closed"),
        Event.PING: N_("trial message"),
    }
)
