"""Post a message to an address that somebody else has chosen: within bounds of time and size, and not to everywhere.

The name is resolved once, every address behind it is looked at, and the connection goes to the very address that was
looked at, so that a name that changes its mind in between leads nowhere (decision 0060). No redirect is followed,
no proxy of the environment is asked, no cookie is kept, and of the answer only the beginning is read.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as NoAnswer
from urllib3.util.ssl_match_hostname import CertificateError

from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.webhook_addresses import Reach, Target, may_reach, target_of
from clinic_orders.rules.webhooks import Failure, beginning_of

CONNECT_SECONDS: Final = 5.0
"""So long a connection may take to come about."""
READ_SECONDS: Final = 10.0
"""So long nothing may come."""
WHOLE_SECONDS: Final = 15.0
"""So long everything together may take, also where every byte comes just in time."""
_ANSWER_BYTES: Final = 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it; ``failure`` None: a status from 200 to 299."""

    duration_ms: int
    status: int | None
    failure: Failure | None
    beginning: str = ""


LookUp = Callable[[str, int], Sequence[str]]
"""The addresses behind a name and a port; ``OSError`` where there are none."""


def look_up(name: str, port: int) -> list[str]:
    """The addresses behind a name, as this machine finds them."""
    return [str(where[0]) for *_kind, where in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]


class _Refused(Exception):
    """The name leads to an address to which nothing is sent."""


class _Unknown(Exception):
    """The name leads nowhere."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    reach: Reach,
    trust: ssl.SSLContext | None = None,
    within: float = WHOLE_SECONDS,
    look_up: LookUp = look_up,
) -> Answer:
    """Post a body; never raises for what the other side does.

    Args:
        url: whither.
        body: what.
        headers: beside Host and Content-Length.
        reach: how far messages may go.
        trust: whose certificates count; those that the machine trusts if not given.
        within: seconds for everything.
        look_up: how names are looked up.

    """
    begun = time.monotonic()

    def ended(failure: Failure | None, status: int | None = None, beginning: str = "") -> Answer:
        return Answer(round((time.monotonic() - begun) * 1000), status, failure, beginning)

    try:
        target = target_of(url, reach)
        address = _checked_address(target, reach, look_up)
    except (_Refused, RuleBroken):
        return ended(Failure.ADDRESS_REFUSED)
    except _Unknown:
        return ended(Failure.NAME_UNKNOWN)
    connection = _connection(target, address, trust)
    over = threading.Event()
    watch = threading.Timer(within, _cut, (connection, over))
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        # From here on a byte may take longer than a connection, which a machine beside us answers at once or never.
        connection.sock.settimeout(READ_SECONDS)
        connection.request("POST", target.path, body, {**headers, "Host": target.name}, preload_content=False)
        answer = connection.getresponse()
        status = answer.status
        beginning = beginning_of(answer.read(_ANSWER_BYTES, decode_content=False))
    except Exception as error:
        if over.is_set():
            return ended(Failure.TIMEOUT)
        failure = _failure_of(error)
        if failure is None:
            raise
        return ended(failure)
    finally:
        watch.cancel()
        connection.close()
    if over.is_set():
        # What was cut off looks like an answer that has ended.
        return ended(Failure.TIMEOUT)
    if 300 <= status < 400:
        return ended(Failure.REDIRECT, status, beginning)
    return ended(None if 200 <= status < 300 else Failure.STATUS, status, beginning)


def _checked_address(target: Target, reach: Reach, look_up: LookUp) -> str:
    """The address to connect to. One that is not allowed among several refuses the name as a whole.

    Raises:
        _Refused, _Unknown: nothing is sent there, or there is nobody.

    """
    try:
        found = look_up(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise _Unknown from error
    addresses = [ip_address(where.partition("%")[0]) for where in found]
    if not addresses:
        raise _Unknown
    for address in addresses:
        if not may_reach(address, reach) or not (target.secure or address.is_loopback):
            raise _Refused
    return str(addresses[0])


@lru_cache(maxsize=1)
def _usual_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _connection(target: Target, address: str, trust: ssl.SSLContext | None) -> HTTPConnection:
    if not target.secure:
        return HTTPConnection(address, target.port, timeout=CONNECT_SECONDS)
    # The certificate must be the name's, although the connection goes to an address.
    return HTTPSConnection(
        address,
        target.port,
        timeout=CONNECT_SECONDS,
        ssl_context=trust or _usual_trust(),
        cert_reqs="CERT_REQUIRED",
        server_hostname=target.host,
        assert_hostname=target.host,
    )


def _cut(connection: HTTPConnection, over: threading.Event) -> None:
    over.set()
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _failure_of(error: Exception) -> Failure | None:
    """What an error of the other side is called; None: the error is ours."""
    # Nobody behind a port counts as a kind of being late to urllib3.
    if isinstance(error, NewConnectionError) and not isinstance(error.__cause__, TimeoutError):
        return Failure.NO_CONNECTION
    if isinstance(error, NoAnswer | TimeoutError):
        return Failure.TIMEOUT
    # A certificate of another name is refused after the handshake, as an error of its own.
    if isinstance(error, ssl.SSLError | CertificateError) or isinstance(error.__cause__, ssl.SSLError):
        return Failure.TLS
    if isinstance(error, OSError):
        return Failure.NO_CONNECTION
    if isinstance(error, HTTPError | ValueError) or type(error).__module__ == "http.client":
        return Failure.NOT_HTTP
    return None
