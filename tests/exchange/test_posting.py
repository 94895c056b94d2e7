"""Posting to addresses that somebody else has chosen: where it goes, and how little it waits for."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clinic_orders import clock
from clinic_orders.exchange.posting import post
from clinic_orders.exchange.sealed_words import CannotOpen, seal, unseal
from clinic_orders.rules.webhook_addresses import Reach, may_reach
from clinic_orders.rules.webhooks import Failure
from tests.webhook_receiver import receiver

HOME = Reach((ip_network("127.0.0.0/8"), ip_network("::1/128")))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2001:db8::1",
    ],
)
def test_an_address_that_is_not_public_is_not_reached(address):
    assert not may_reach(ip_address(address), Reach())


def test_a_network_of_the_settings_is_reached_but_never_what_gives_keys_away():
    wide = Reach((ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert may_reach(ip_address("10.0.0.1"), wide)
    assert may_reach(ip_address("fc00::1"), wide)
    for address in (
        "169.254.169.254",
        "100.100.100.200",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
    ):
        assert not may_reach(ip_address(address), wide)
    assert may_reach(ip_address("8.8.8.8"), Reach())
    assert may_reach(ip_address("2400:3200::1"), Reach())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]", "[::ffff:7f00:1]"])
def test_this_machine_is_not_reached(host):
    answer = post(f"https://{host}/", b"{}", {}, reach=Reach())
    assert answer.failure is Failure.ADDRESS_REFUSED


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fe80::1%eth0"]])
def test_a_name_of_which_one_address_is_inside_is_not_reached(found):
    answer = post("https://erp.example.cn/", b"{}", {}, reach=Reach(), look_up=lambda *_name: found)
    assert answer.failure is Failure.ADDRESS_REFUSED


def test_a_name_is_looked_up_once_and_the_connection_goes_where_was_looked():
    asked = []
    with receiver() as found:

        def once(name, port):
            asked.append((name, port))
            return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.9"]

        at = f"http://127.0.0.2:{found.port}/hooks"
        answer = post(at, b"{}", {}, reach=HOME, look_up=once)
        ((headers, _body),) = found.got
    assert (answer.status, len(asked)) == (204, 1)
    assert headers["Host"] == f"127.0.0.2:{found.port}"


def test_a_name_that_leads_nowhere_is_told_as_such():
    def nobody(_name, _port):
        raise socket.gaierror("nobody")

    answer = post("https://erp.example.cn/", b"{}", {}, reach=Reach(), look_up=nobody)
    assert (answer.failure, answer.status) == (Failure.NAME_UNKNOWN, None)


def test_nobody_behind_a_port_is_told_as_such():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = post(f"http://127.0.0.1:{free.getsockname()[1]}/", b"{}", {}, reach=HOME)
    assert answer.failure is Failure.NO_CONNECTION


def test_of_a_huge_answer_only_the_beginning_is_read():
    with receiver() as found:
        found.status, found.body = 200, b"x" * 50_000_000
        answer = post(found.url, b"{}", {}, reach=HOME)
    assert (answer.failure, answer.status, len(answer.beginning)) == (None, 200, 500)


def test_an_answer_that_never_comes_is_not_waited_for():
    with receiver() as found:
        found.hold.clear()
        answer = post(found.url, b"{}", {}, reach=HOME, within=0.3)
    assert (answer.failure, answer.status) == (Failure.TIMEOUT, None)
    assert answer.duration_ms < 3000


def test_an_answer_that_trickles_is_cut():
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"X-More: 1\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        begun = time.monotonic()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, reach=HOME, within=0.4)
        ended.set()
        thread.join()
    assert answer.failure is Failure.TIMEOUT
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_told_as_such(said):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, reach=HOME)
        thread.join()
    assert answer.failure in {Failure.NOT_HTTP, Failure.NO_CONNECTION}
    assert answer.status is None


def test_a_port_without_tls_is_told_as_such():
    with receiver() as found:
        at = f"https://127.0.0.1:{found.port}/"
        answer = post(at, b"{}", {}, reach=HOME)
    assert answer.failure is Failure.TLS
    assert found.got == []


def test_a_sealed_word_is_opened_with_its_own_key_and_purpose_alone():
    kept = seal("whsec_1", key="k", purpose="webhooks")
    assert unseal(kept, key="k", purpose="webhooks") == "whsec_1"
    for more in ({"key": "other"}, {"purpose": "other"}):
        with pytest.raises(CannotOpen):
            unseal(kept, **({"key": "k", "purpose": "webhooks"} | more))
    with pytest.raises(CannotOpen):
        unseal(kept[:-4] + "AAAA", key="k", purpose="webhooks")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for ``erp.example.cn`` that signed itself, and its key."""
    folder, key = tmp_path_factory.mktemp("certificate"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "erp.example.cn")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("erp.example.cn")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    shown, kept = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(made.public_bytes(Encoding.PEM))
    kept.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return shown, kept


@pytest.mark.parametrize(
    ("host", "trusted", "failure"),
    [
        ("erp.example.cn", True, None),
        ("other.example.cn", True, Failure.TLS),
        ("erp.example.cn", False, Failure.TLS),
    ],
)
def test_the_certificate_must_be_the_names_and_of_somebody_trusted(
    certificate: tuple[Path, Path], host: str, trusted: bool, failure: Failure | None
) -> None:
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(*certificate)
    trust = (
        ssl.create_default_context(cafile=str(certificate[0])) if trusted else ssl.create_default_context()
    )
    with receiver(shows) as other:
        answer = post(
            f"https://{host}:{other.port}/",
            b"{}",
            {},
            reach=Reach(HOME.networks, ports=(other.port,)),
            trust=trust,
            look_up=lambda *_name: ["127.0.0.1"],
        )
    assert (answer.failure, len(other.got)) == (failure, 0 if failure else 1)
