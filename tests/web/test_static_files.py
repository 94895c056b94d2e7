"""Style sheets, scripts and icons: packed for who can unpack them, kept for a year, light enough for a slow line."""

from __future__ import annotations

import gzip

import pytest

from tests.checking_client import CheckingClient

FILES = ("vendor/bootstrap.min.css", "kit.css", "clinic.js", "icons.svg")


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_packed_and_is_the_same_unpacked(client: CheckingClient, name: str) -> None:
    plain = client.get(f"/static/{name}", status=200, buffered=True)
    packed = client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip, br"}, status=200, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(packed.data)


def test_who_has_the_packed_file_already_gets_nothing_anew(client: CheckingClient) -> None:
    accepts = {"Accept-Encoding": "gzip"}
    packed = client.get("/static/kit.css", headers=accepts, status=200, buffered=True)
    again = {**accepts, "If-None-Match": packed.headers["ETag"]}
    assert client.get("/static/kit.css", headers=again, status=304, buffered=True).data == b""


def test_what_a_first_visit_fetches_beside_the_page_is_light(client: CheckingClient) -> None:
    sizes = [
        len(
            client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"}, status=200, buffered=True).data
        )
        for name in FILES
    ]
    assert sum(sizes) < 64 * 1024, sizes
