"""Photos that the demonstration attaches: a blank sheet, a pack with its code; their names say that they are invented."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from clinic_orders.exchange.attachments import Upload

_MARK = "（演示）"


def sheet(name: str) -> Upload:
    """A sheet of paper with nothing on it."""
    return _upload(name, Image.new("RGB", (600, 800), "#f4f1e8"))


def pack(name: str, code: str) -> Upload:
    """A pack of medicine lying on a table, with the bars of a trace code; each code has other bars.

    Args:
        name: of the file, without its ending.
        code: digits, of which the widths of the bars are made.

    """
    picture = Image.new("RGB", (800, 600), "#7d6f5f")
    draw = ImageDraw.Draw(picture)
    draw.polygon([(120, 150), (640, 110), (690, 430), (160, 480)], fill="#f6f4ef", outline="#b8b2a6", width=3)
    draw.polygon([(120, 150), (640, 110), (646, 165), (127, 206)], fill="#12625a")
    left = 230
    for digit in (int(one) for one in code if one.isdigit()):
        draw.rectangle([left, 300, left + 2 + digit % 4, 390], fill="#222222")
        left += 12 + digit % 5
    draw.line([(230, 405), (left, 401)], fill="#999999", width=4)
    return _upload(name, picture)


def _upload(name: str, picture: Image.Image) -> Upload:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    file.seek(0)
    return Upload(f"{name}{_MARK}.jpg", file)
