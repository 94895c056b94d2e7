"""A stand-in of Alipay's gateway: it checks every signature itself, keeps trades, and signs what it tells.

It shares no code with the application or its SDK: signing is written down here once more from the gateway's own rules,
so that an error on one side is not repeated on the other.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, make_server

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

APP_ID, SELLER_ID = "2021000000000001", "2088000000000001"


class Keys:
    """A key pair."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def private_pem(self) -> str:
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()

    @property
    def public_pem(self) -> str:
        return (
            self._key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    def has_signed(self, text: str, signature: str) -> bool:
        try:
            self._key.public_key().verify(
                base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        return True


def to_sign(fields: dict[str, str]) -> str:
    """The text that is signed: all fields but the signature, sorted, those without a value left out."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign")


@dataclass
class Trade:
    """What somebody was sent here to pay."""

    number: str
    amount: str
    trade_no: str
    status: str = "WAIT_BUYER_PAY"
    notify_url: str = ""


@dataclass
class StandIn:
    """The gateway: what the merchant sent, and what it says about it."""

    merchant: Keys = field(default_factory=Keys)
    own: Keys = field(default_factory=Keys)
    trades: dict[str, Trade] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    address: str = ""
    silent: bool = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Serve one request of the merchant's server or of the payer's browser."""
        status, body = self.answer(environ["QUERY_STRING"])
        start_response(status, [("Content-Type", "application/json; charset=utf-8")])
        return [body.encode()]

    def answer(self, query: str) -> tuple[str, str]:
        """The answer to a signed request."""
        if self.silent:
            return "503 Service Unavailable", "{}"
        fields = dict(parse_qsl(query, keep_blank_values=True))
        method = fields.get("method", "")
        told = method.replace(".", "_") + "_response"
        signed = {name: value for name, value in fields.items() if name != "sign"}
        if fields.get("app_id") != APP_ID or not self.merchant.has_signed(to_sign(signed), fields["sign"]):
            self.refused.append(method)
            return "200 OK", json.dumps({told: {"code": "40002", "sub_code": "isv.invalid-signature"}})
        content = json.loads(fields["biz_content"])
        trade = self.trades.get(content["out_trade_no"])
        if method in {"alipay.trade.page.pay", "alipay.trade.wap.pay"}:
            if trade is None:
                number = content["out_trade_no"]
                self.trades[number] = Trade(
                    number,
                    content["total_amount"],
                    f"20261122{len(self.trades):08}",
                    notify_url=fields["notify_url"],
                )
            return "200 OK", "{}"
        if trade is None:
            return self._signed(told, {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"})
        if method == "alipay.trade.close":
            if trade.status != "WAIT_BUYER_PAY":
                return self._signed(told, {"code": "40004", "sub_code": "ACQ.TRADE_STATUS_ERROR"})
            trade.status = "TRADE_CLOSED"
            return self._signed(told, {"code": "10000", "out_trade_no": trade.number})
        return self._signed(
            told,
            {
                "code": "10000",
                "out_trade_no": trade.number,
                "trade_no": trade.trade_no,
                "trade_status": trade.status,
                "total_amount": trade.amount,
                "send_pay_date": "2026-01-22 10:00:00",
            },
        )

    def _signed(self, name: str, content: dict[str, str]) -> tuple[str, str]:
        text = json.dumps(content)
        return "200 OK", f'{{"{name}":{text},"sign":"{self.own.sign(text)}"}}'

    def pay(self, number: str, **changed: str) -> dict[str, str]:
        """Somebody pays; the notification that is sent then, with fields changed before it is signed."""
        trade = self.trades[number]
        trade.status = "TRADE_SUCCESS"
        return self.notification(number, **changed)

    def notification(self, number: str, **changed: str) -> dict[str, str]:
        """What is told about a trade, signed. The gateway leaves the sign type out of what it signs."""
        trade = self.trades[number]
        fields = {
            "app_id": APP_ID,
            "seller_id": SELLER_ID,
            "charset": "utf-8",
            "notify_type": "trade_status_sync",
            "notify_id": "n1",
            "out_trade_no": trade.number,
            "trade_no": trade.trade_no,
            "trade_status": trade.status,
            "total_amount": trade.amount,
            "subject": "药品款",
            "gmt_payment": "2026-01-22 10:00:00",
            **changed,
        }
        return {**fields, "sign_type": "RSA2", "sign": self.own.sign(to_sign(fields))}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """The stand-in on a port of this machine."""
    gateway = StandIn()
    with make_server("127.0.0.1", 0, gateway, handler_class=_Quiet) as server:
        gateway.address = f"http://127.0.0.1:{server.server_port}/gateway.do"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
