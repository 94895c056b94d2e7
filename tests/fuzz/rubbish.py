"""What nobody types by mistake: texts, numbers, days and bodies that a form or a file has to survive."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

NASTY: Final = (
    "",
    " ",
    "\x00",
    "明白\x00川",
    "\ud800",
    "药\udfff",
    "\u202eabc\u202c",
    "\u2066村\u2069",
    "\ufeff",
    "\ufffe",
    "\u200b\u200d\u2060",
    "شركة الأدوية",
    "a" + "\u0301" * 300,
    "👩‍⚕️💊" * 40,
    "１２３",
    "１２．５",
    "٣",
    "Ⅳ",
    "²",
    "𝟚",
    "壹",
    "%00",
    "%s%n%(x)s{0}{{7*7}}${7*7}",
    "';DROP TABLE audit_entry;--",
    '" onmouseover="x',
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "http://127.0.0.1:1/",
    "//evil.example/",
    "=1+1",
    "\r\nSet-Cookie: a=b",
    "药" * 70,
    "药" * 300,
    "x" * 2100,
    "x" * 20_000,
    "-",
    "-1",
    "0",
    "-0",
    "+1",
    "1.5",
    "1e3",
    "1E400",
    "NaN",
    "-Infinity",
    "inf",
    "0x10",
    "1_000",
    "1,000",
    "99999999",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 60,
    "9" * 5000,
    "0.00000000001",
    "12345678901234567890.12",
    "0001-01-01",
    "0001-01",
    "9999-12-31",
    "9999-12",
    "9999-Q4",
    "0001-Q1",
    "2026-02-30",
    "2026-13",
    "2026-00",
    "2026-Q5",
    "0000-00-00",
    "10000-01-01",
    "２０２６-01-01",
    "2026-11-20T25:61",
    "9999-12-31T23:59",
    "0001-01-01T00:00",
    "2026-11-20",
    "2026-11",
    "2026-Q4",
    "on",
    "null",
    "[]",
    "{}",
    "[" * 3000,
    '{"a":' * 500,
    '"\\ud800"',
    "[1e999]",
    "true",
)
"""Each has broken some program."""

MARKS: Final = "\x00\x01\x08\x1b\x7f\x85\u061c\u200b\u202e\u2066\u2028\ufeff\ufffd\ud83d\U000e0001"

texts: Final[st.SearchStrategy[str]] = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.one_of(st.characters(), st.sampled_from(MARKS)), max_size=40),
    st.integers().map(str),
    st.floats(allow_nan=True).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.dates().map(str),
    st.dates().map(lambda day: f"{day:%Y-%m}"),
    st.integers(-(10**6), 10**6).map(str),
)

json_values: Final[st.SearchStrategy[Any]] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def percent(text: str) -> str:
    """A text as it stands in an address or a form, surrogates included."""
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def form_body(fields: list[tuple[str, str]]) -> bytes:
    """Fields as ``application/x-www-form-urlencoded``."""
    return "&".join(f"{percent(name)}={percent(value)}" for name, value in fields).encode()


BOUNDARY: Final = "x-rubbish-x"


def multipart_body(fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]) -> bytes:
    """Fields and files (field, file name, content) as ``multipart/form-data`` with BOUNDARY."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'.encode()
        + value.encode("utf-8", "surrogatepass")
        for name, value in fields
    ]
    parts += [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{_quoted(name)}"; '
        f'filename="{_quoted(filename)}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        + content
        for name, filename, content in files
    ]
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _quoted(text: str) -> str:
    plain = text.encode("utf-8", "replace").decode()
    return plain.replace("\\", "").replace('"', "").replace("\r", "").replace("\n", "")
