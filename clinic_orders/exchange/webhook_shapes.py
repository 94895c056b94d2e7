"""Of what the calls about webhooks consist (formats.md section 5)."""

from __future__ import annotations

from typing import Final

from clinic_orders.exchange import cells
from clinic_orders.exchange.api_shapes import choice, page_fields, page_of, words_of
from clinic_orders.exchange.schemas import (
    INSTANT,
    STRING,
    STRINGS,
    WHOLE,
    Field,
    Shape,
    answer_field,
    listed,
    text,
    texts,
)
from clinic_orders.rules.webhooks import (
    LONGEST_URL,
    WANTED,
    DeliveryState,
    Event,
    Failure,
    PauseReason,
    WebhookState,
)

ATTEMPT: Final = Shape(
    "WebhookAttempt",
    (
        answer_field("event_id", "事件编号"),
        answer_field("type", "事件", words_of(Event)),
        answer_field("no", "对象编号"),
        answer_field("at", "发送时间", INSTANT),
        answer_field("duration_ms", "用时（毫秒）", WHOLE),
        answer_field("status", "对方返回的 HTTP 状态码", WHOLE, may_be_null=True),
        answer_field("failure", "未送达的原因，已送达时为 null", words_of(Failure), may_be_null=True),
        answer_field("answer", "对方返回内容的开头"),
    ),
)
WEBHOOK: Final = Shape(
    "Webhook",
    (
        answer_field("no", "订阅编号"),
        answer_field("url", "接收地址"),
        answer_field("events", "订阅的事件", STRINGS),
        answer_field("state", "状态", words_of(WebhookState)),
        answer_field("paused_because", "暂停原因", words_of(PauseReason), may_be_null=True),
        answer_field("state_since", "进入该状态的时间", INSTANT),
        answer_field("created_at", "登记时间", INSTANT),
        answer_field("failing_since", "从何时起一直送不到", INSTANT, may_be_null=True),
        answer_field("waiting", "待送消息数", WHOLE),
        answer_field("secret", "签名密钥：只在登记和更换时给出一次，其余为 null", may_be_null=True),
        answer_field("attempts", "最近的发送记录，最新的在前", listed(ATTEMPT)),
    ),
)
WEBHOOKS: Final = page_of("Webhooks", WEBHOOK)
WEBHOOKS_QUERY: Final = Shape(
    "WebhooksQuery", (choice("state", "状态", tuple(one.value for one in WebhookState)), *page_fields())
)
_WANTED = [event.value for event in WANTED]
NEW_WEBHOOK: Final = Shape(
    "NewWebhook",
    (
        Field("url", "接收地址", text(cells.text(LONGEST_URL), least=1, format="uri")),
        Field("events", "订阅的事件", texts(cells.code(32), most=len(_WANTED), label="事件", enum=_WANTED)),
    ),
)
NOTHING: Final = Shape("Nothing", ())

DELIVERY: Final = Shape(
    "WebhookDelivery",
    (
        answer_field("event_id", "事件编号", STRING),
        answer_field("type", "事件", words_of(Event)),
        answer_field("no", "对象编号"),
        answer_field("happened_at", "发生时间", INSTANT),
        answer_field("state", "送达状态", words_of(DeliveryState)),
        answer_field("tries", "本轮已发送次数", WHOLE),
        answer_field("next_try_at", "下次发送时间", INSTANT, may_be_null=True),
        answer_field("ended_at", "结束时间", INSTANT, may_be_null=True),
        answer_field("attempts", "发送记录", listed(ATTEMPT)),
    ),
)
DELIVERIES: Final = page_of("WebhookDeliveries", DELIVERY)
DELIVERIES_QUERY: Final = Shape(
    "WebhookDeliveriesQuery",
    (
        choice("state", "送达状态", tuple(one.value for one in DeliveryState)),
        *page_fields(),
    ),
)
