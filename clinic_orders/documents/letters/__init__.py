"""Official letters as papers (R-CASE-2): the text stands in ``rules.letters``, here it is laid out by GB/T 9704.

pdf = letter_pdf(content, address="https://orders.example.cn")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clinic_orders.documents import as_html, render
from clinic_orders.rules.letters import LetterContent

DRAFT_MARK: Final = "草稿 · 无效力"
DEMO_MARK: Final = "演示数据 · 无效力"
REVOKED_MARK: Final = "已撤销 · 无效力"
TEMPLATE: Final = "letters/letter"


def verify_address(content: LetterContent, address: str) -> str:
    """Where anybody may verify a letter; empty for a draft, or where our own address is not known."""
    return f"{address.rstrip('/')}/verify/{content.token}" if content.token and address else ""


def mark_of(content: LetterContent, mark: str = "") -> str:
    """The words across every page: those given, else those of a draft or of demonstration data, else none."""
    return mark or (DRAFT_MARK if content.is_draft else DEMO_MARK if content.demo else "")


def values_of(content: LetterContent, *, address: str, mark: str) -> Mapping[str, Any]:
    """What the template is filled with."""
    return {
        "letter": content,
        "issuer": content.issuer,
        "number": str(content.number or ""),
        "title": content.title,
        "addressee": content.addressee,
        "signed_on": content.signed_on,
        "annexes": content.annexes,
        "copies": content.copies,
        "printed_by": content.printed_by,
        "mark": mark_of(content, mark),
        "qr": verify_address(content, address),
    }


def letter_html(content: LetterContent, *, address: str = "", mark: str = "") -> str:
    """A letter before it is laid out."""
    return as_html(TEMPLATE, values_of(content, address=address, mark=mark))


def letter_pdf(content: LetterContent, *, address: str = "", mark: str = "") -> bytes:
    """A letter as PDF.

    Args:
        content: what stands in it.
        address: our own address for the QR code, such as https://orders.example.cn; empty for none.
        mark: words across every page; a draft and demonstration data have theirs.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render(TEMPLATE, values_of(content, address=address, mark=mark))
