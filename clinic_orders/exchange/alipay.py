"""Alipay as the gateway that takes money for distributors: signing, asking, verifying (decision 0016).

Each distributor has an application of its own there; its keys lie in the instance folder, one folder a distributor,
readable by the owner alone, and are never written to the database, a log or a backup. The SDK does the signing and
verifying; nothing outside of this module knows it.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from alipay.utils import AliPayConfig
from dotenv import dotenv_values

from clinic_orders.config import Settings
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.payment_links import GatewayNotice, TradeStatus

log = logging.getLogger(__name__)

ACCOUNT_FILE: Final = "account"
PRIVATE_KEY_FILE: Final = "app_private_key.pem"
PUBLIC_KEY_FILE: Final = "alipay_public_key.pem"
_SECONDS: Final = 10
_MINUTES_TO_PAY: Final = 120
_NO_SUCH_TRADE: Final = "ACQ.TRADE_NOT_EXIST"


class GatewayUnreachable(Exception):
    """The gateway did not answer, or what it answered is not signed by it."""


@dataclass(frozen=True, slots=True)
class Account:
    """A distributor's application at the gateway: its ids, which are no secret, and its keys, which are."""

    app_id: str
    seller_id: str
    private_key: str = field(repr=False)
    public_key: str = field(repr=False)


def is_on(settings: Settings) -> bool:
    """Whether anybody may pay by link here: whether the address is set at which the gateway reaches us."""
    return bool(settings.alipay_address)


def account_of(settings: Settings, distributor_code: str) -> Account | None:
    """The distributor's account; None where paying by link is off or it has none that can be used."""
    folder = settings.instance / "alipay" / distributor_code
    if not is_on(settings) or "/" in distributor_code or not folder.is_dir():
        return None
    files = [folder / name for name in (ACCOUNT_FILE, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE)]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        log.error("alipay account of %s lacks %s", distributor_code, ", ".join(missing))
        return None
    if _open_to_others(files[1]):
        log.error("alipay key of %s can be read by others: chmod 600 it; not used", distributor_code)
        return None
    ids = dotenv_values(files[0])
    app_id, seller_id = ids.get("APP_ID") or "", ids.get("SELLER_ID") or ""
    if not app_id or not seller_id:
        log.error("alipay account of %s names no APP_ID or SELLER_ID", distributor_code)
        return None
    return Account(app_id, seller_id, files[1].read_text(), files[2].read_text())


def _open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


class _Client(AliPay):  # type: ignore[misc]
    """The SDK's client at the gateway of the settings."""

    def __init__(self, account: Account, gateway: str) -> None:
        super().__init__(
            appid=account.app_id,
            app_private_key_string=account.private_key,
            alipay_public_key_string=account.public_key,
            sign_type="RSA2",
            config=AliPayConfig(timeout=_SECONDS),
        )
        self._gateway = gateway


class Gateway:
    """The gateway for one distributor's account."""

    def __init__(self, settings: Settings, account: Account) -> None:
        self.account = account
        self._address = settings.alipay_address.rstrip("/")
        self._gateway = settings.alipay_gateway
        self._client = _Client(account, settings.alipay_gateway)

    def pay_address(self, number: str, amount: Decimal, subject: str, *, phone: bool, at: datetime) -> str:
        """Where a person goes to pay; signed, so that nothing in it can be changed on the way.

        Args:
            number: the link's number.
            amount: yuan.
            subject: what the person reads there.
            phone: for a phone's screen and the app on it, else for a desk.
            at: now; the gateway refuses what was signed long ago.

        """
        method = "alipay.trade.wap.pay" if phone else "alipay.trade.page.pay"
        signed = self._client.client_api(
            method,
            {
                "out_trade_no": number,
                "total_amount": f"{amount:.2f}",
                "subject": subject[:120],
                "product_code": "QUICK_WAP_WAY" if phone else "FAST_INSTANT_TRADE_PAY",
                "timeout_express": f"{_MINUTES_TO_PAY}m",
            },
            return_url=f"{self._address}/pay/{number}",
            notify_url=f"{self._address}/pay/notify/alipay",
            timestamp=_stamp(at),
        )
        return f"{self._gateway}?{signed}"

    def read(self, fields: Mapping[str, str]) -> GatewayNotice:
        """A notification, with whether its signature is the gateway's."""
        return _notice(fields, signed=self._is_signed(fields))

    def _is_signed(self, fields: Mapping[str, str]) -> bool:
        data = dict(fields)
        signature = data.pop("sign", "")
        if data.get("sign_type") != "RSA2" or not signature:
            return False
        try:
            return bool(self._client.verify(data, signature))
        except (ValueError, TypeError, AliPayException):
            return False

    def ask(self, number: str, *, at: datetime) -> tuple[GatewayNotice, dict[str, Any]]:
        """How a trade stands, from the gateway itself; a trade that nobody began waits.

        Raises:
            GatewayUnreachable: no signed answer.

        """
        answer = self._call("alipay.trade.query", {"out_trade_no": number}, at=at)
        if answer.get("code") != "10000":
            if answer.get("sub_code") != _NO_SUCH_TRADE:
                raise GatewayUnreachable(
                    str(answer.get("sub_msg") or answer.get("msg") or answer.get("code"))
                )
            answer = answer | {"out_trade_no": number, "trade_status": TradeStatus.WAITING.value}
        # The answer is signed for this application and names neither it nor the seller.
        return _notice({**answer, "app_id": self.account.app_id}, signed=True), answer

    def close(self, number: str, *, at: datetime) -> None:
        """Have the gateway take no money for a trade any more; one that nobody began needs no closing.

        Raises:
            GatewayUnreachable: no signed answer, or it does not close it, for instance because it is paid.

        """
        answer = self._call("alipay.trade.close", {"out_trade_no": number}, at=at)
        if answer.get("code") != "10000" and answer.get("sub_code") != _NO_SUCH_TRADE:
            raise GatewayUnreachable(str(answer.get("sub_code") or answer.get("msg")))

    def _call(self, method: str, content: dict[str, str], *, at: datetime) -> dict[str, Any]:
        try:
            answer = self._client.server_api(method, content, timestamp=_stamp(at))
        except (OSError, ValueError, TypeError, AliPayException, AliPayValidationError) as error:
            raise GatewayUnreachable(type(error).__name__) from error
        return dict(answer)


def unsigned(fields: Mapping[str, str]) -> GatewayNotice:
    """A message for which there is no key to verify it by; nobody believes it."""
    return _notice(fields, signed=False)


def _stamp(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _notice(fields: Mapping[str, Any], *, signed: bool) -> GatewayNotice:
    text = {name: str(value) for name, value in fields.items()}
    try:
        amount: Decimal | None = Decimal(text.get("total_amount", ""))
    except InvalidOperation:
        amount = None
    status = text.get("trade_status", "")
    return GatewayNotice(
        signed=signed,
        number=text.get("out_trade_no", "")[:64],
        amount=amount if amount is None or amount.is_finite() else None,
        app_id=text.get("app_id", ""),
        seller_id=text.get("seller_id", ""),
        trade_no=text.get("trade_no", "")[:64],
        status=TradeStatus(status) if status in set(TradeStatus) else TradeStatus.OTHER,
        refunded="refund_fee" in text or "gmt_refund" in text,
    )
