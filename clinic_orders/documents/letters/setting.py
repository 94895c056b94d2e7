"""A letter on its pages, by the measures of ``static/paper.css``: where every line and rule stands.

``templates/documents/letters/letter.html`` says the same to WeasyPrint; ``tests/documents/test_letter_press.py`` holds
the two together, page by page and line by line. Lengths are CSS pixels from the upper left corner of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import segno

from clinic_orders.documents import words
from clinic_orders.documents.letters.shaping import Line, Shaper, Style
from clinic_orders.rules.letters import Align, Annex, LetterContent

MM: Final = 96 / 25.4
PT: Final = 96 / 72
PAGE: Final = (210 * MM, 297 * MM)
LEFT, TOP, WIDTH, HEIGHT = 28 * MM, 37 * MM, 156 * MM, 225 * MM
PITCH: Final = 10.227 * MM
EM: Final = 16 * PT

_FANG = '"FangSong_GB2312","仿宋_GB2312","FangSong","STFangsong","Noto Serif CJK SC",serif'.replace('"', "")
_SONG = "FZXiaoBiaoSong-B05S,方正小标宋简体,STSong,SimSun,Noto Serif CJK SC,serif"
_HEI = "SimHei,STHeiti,Noto Sans CJK SC,sans-serif"
BODY: Final = Style(_FANG, EM)
HEADING: Final = Style(_HEI, EM)
TITLE: Final = Style(_SONG, 22 * PT, 700)
WIDE_TITLE: Final = Style(_SONG, 22 * PT, 700, 5.5 * PT)
ISSUER: Final = Style(_SONG, 40 * PT, 700, 4.8 * PT)
LONG_ISSUER: Final = Style(_SONG, 34 * PT, 700, 2.04 * PT)
VERY_LONG_ISSUER: Final = Style(_SONG, 24 * PT, 700)
ANNEX_TITLE: Final = Style(_SONG, 18 * PT, 700)
PAGE_NUMBER: Final = Style("SimSun,STSong,Noto Serif CJK SC,serif", 14 * PT)
IMPRINT: Final = Style(_FANG, 14 * PT)
SEAL: Final = Style(_FANG, 9 * PT)
SCAN: Final = Style("Noto Sans CJK SC,SimHei,sans-serif", 9 * PT)
NOTE: Final = Style(_FANG, 10.5 * PT)
MARK: Final = Style("Noto Sans CJK SC,SimHei,sans-serif", 20, 700)

BLACK, GREY, RED, PINK, ROSE = "0 0 0", ".2 .2 .2", "#c8161d", "#d98a8d", "#e9b3b5"


def _rgb(colour: str) -> str:
    if not colour.startswith("#"):
        return colour
    return " ".join(f"{int(colour[place : place + 2], 16) / 255:.4f}" for place in (1, 3, 5))


@dataclass(slots=True)
class Page:
    """What stands on a page, as PDF operators, and which glyphs they use."""

    shows: list[bytes] = field(default_factory=list)
    used: dict[int, set[int]] = field(default_factory=dict)

    def text(self, line: Line, x: float, top: float, height: float, colour: str = BLACK) -> None:
        """A line in a space of a height; its glyphs stand in the middle of it, as CSS has them."""
        if not line.shows:
            return
        y = top + (height - line.height) / 2 + line.baseline
        self.shows.append(
            f"{_rgb(colour)} rg BT 1 0 0 1 {x * 0.75:.3f} {841.89 - y * 0.75:.3f} Tm ".encode()
            + line.shows
            + b" ET"
        )
        self._use(line)

    def _use(self, line: Line) -> None:
        for number, glyphs in line.used:
            self.used.setdefault(number, set()).update(glyphs)

    def box(self, x: float, y: float, width: float, height: float, colour: str = BLACK) -> None:
        """A filled rectangle."""
        self.boxes([(x, y, width, height), (x, y, 0.0, 0.0)], colour)

    def boxes(self, boxes: Sequence[tuple[float, float, float, float]], colour: str = BLACK) -> None:
        """Rectangles in one path: screens draw a lone thin one as a whole row of dots, but several as thin as they are."""
        path = " ".join(
            f"{x * 0.75:.3f} {841.89 - (y + height) * 0.75:.3f} {width * 0.75:.3f} {height * 0.75:.3f} re"
            for x, y, width, height in boxes
        )
        self.shows.append(f"{_rgb(colour)} rg {path} f".encode())

    def ring(self, x: float, y: float, radius: float, thick: float, colour: str) -> None:
        """A circle around a point."""
        k = 0.5523 * radius
        a, b = x * 0.75, 841.89 - y * 0.75
        r, k = radius * 0.75, k * 0.75
        self.shows.append(
            (
                f"q {_rgb(colour)} RG {thick * 0.75:.3f} w {a + r:.3f} {b:.3f} m "
                f"{a + r:.3f} {b + k:.3f} {a + k:.3f} {b + r:.3f} {a:.3f} {b + r:.3f} c "
                f"{a - k:.3f} {b + r:.3f} {a - r:.3f} {b + k:.3f} {a - r:.3f} {b:.3f} c "
                f"{a - r:.3f} {b - k:.3f} {a - k:.3f} {b - r:.3f} {a:.3f} {b - r:.3f} c "
                f"{a + k:.3f} {b - r:.3f} {a + r:.3f} {b - k:.3f} {a + r:.3f} {b:.3f} c s Q"
            ).encode()
        )

    def watermark(self, line: Line) -> None:
        """Words across the page, in the transparent state /GS0 (``writing``)."""
        scale = 156 / 180
        top = 37 + 75 + (110 - 110 * scale) / 2
        # The drawing's own corner and unit, turned by -28° around (90, 55).
        x0, y0 = 28 * MM * 0.75, 841.89 - top * MM * 0.75
        unit = scale * MM * 0.75
        cos, sin = 0.882947592858927, 0.46947156278589081
        half = line.width / 2
        self.shows.append(
            (
                f"q /GS0 gs 0 0 0 rg {unit:.5f} 0 0 {unit:.5f} {x0:.3f} {y0:.3f} cm "
                f"1 0 0 1 90 -55 cm {cos:.6f} {sin:.6f} {-sin:.6f} {cos:.6f} 0 0 cm 1 0 0 1 -90 55 cm "
                f"BT 1.333333 0 0 1.333333 {90 - half:.4f} -62 Tm "
            ).encode()
            + line.shows
            + b" ET Q"
        )
        self._use(line)

    def code(self, address: str, x: float, y: float, side: float) -> None:
        """A QR code in a square, with two modules of quiet around it."""
        rows = segno.make(address, error="m", micro=False).matrix
        module = side / (len(rows) + 4)
        out = [b"0 0 0 rg"]
        for row_no, row in enumerate(rows):
            start = None
            for place, dark in enumerate((*row, 0)):
                if dark and start is None:
                    start = place
                elif not dark and start is not None:
                    left, top = x + (start + 2) * module, y + (row_no + 2) * module
                    out.append(
                        (
                            f"{left * 0.75:.3f} {841.89 - (top + module) * 0.75:.3f} "
                            f"{(place - start) * module * 0.75:.3f} {module * 0.75:.3f} re"
                        ).encode()
                    )
                    start = None
        self.shows.append(b"\n".join(out) + b" f")


@dataclass(slots=True)
class _Row:
    """A stretch of the text column: a line with its height and the room above it."""

    line: Line | None
    height: float
    x: float = 0.0
    before: float = 0.0
    after: float = 0.0
    keep: bool = False
    colour: str = BLACK


class Setter:
    """Sets letters, one after the other, with one shaper."""

    def __init__(self, shaper: Shaper) -> None:
        self._shaper = shaper

    def set(self, content: LetterContent, *, mark: str, qr: str) -> list[Page]:
        """A letter on its pages.

        Args:
            content: what stands in it.
            mark: words across every page; empty for none.
            qr: what the QR code says; empty for none.

        """
        self._pages: list[Page] = []
        self._mark = mark
        self._turn()
        self._head(content)
        self._body(content)
        self._sign(content, qr)
        for number, annex in enumerate(content.annexes, start=1):
            self._annex(annex, number if len(content.annexes) > 1 else 0)
        self._imprint(content)
        for number, page in enumerate(self._pages, start=1):
            self._number(page, number)
        return self._pages

    # Pages.

    def _turn(self) -> None:
        page = Page()
        if self._mark:
            page.watermark(self._shaper.line(self._mark, MARK))
        self._pages.append(page)
        self._y = 0.0

    @property
    def _page(self) -> Page:
        return self._pages[-1]

    def _number(self, page: Page, number: int) -> None:
        line = self._shaper.line(f"— {number} —", PAGE_NUMBER)
        margin = 14 * PT
        x = LEFT + WIDTH - margin - line.width if number % 2 else LEFT + margin
        page.text(line, x, TOP + HEIGHT + 7 * MM, line.height)

    def _put(self, row: _Row) -> None:
        self._y += row.before
        if row.line is not None:
            self._page.text(row.line, LEFT + row.x, TOP + self._y, row.height, row.colour)
        self._y += row.height + row.after

    # The parts of a letter.

    def _centred(self, text: str, style: Style, height: float, *, extra: float = 0.0) -> list[_Row]:
        lines = self._shaper.lines(text, style, WIDTH - extra)
        return [_Row(line, height, extra + (WIDTH - extra - line.width) / 2) for line in lines]

    def _head(self, content: LetterContent) -> None:
        length = len(content.issuer)
        style = VERY_LONG_ISSUER if length > 13 else LONG_ISSUER if length > 9 else ISSUER
        height = style.size * 1.25
        if length > 13:
            rows = self._centred(content.issuer, style, height)
        else:
            line = self._shaper.line(content.issuer, style)
            rows = [_Row(line, height, (WIDTH - line.width) / 2)]
        rows[0].before = 8 * MM
        for row in rows:
            row.colour = RED
            self._put(row)
        number = self._centred(str(content.number or "（草稿，未编号）"), BODY, 8 * MM)
        number[0].before, number[-1].after = 11 * MM, 4 * MM
        for row in number:
            self._put(row)
        self._page.box(LEFT, TOP + self._y, WIDTH, 0.7 * MM, RED)
        self._y += 18.7 * MM
        wide = len(content.title) <= 8
        titles = []
        for text in words.title_lines(content.title):
            titles += self._centred(
                text, WIDE_TITLE if wide else TITLE, 12 * MM, extra=5.5 * PT if wide else 0.0
            )
        titles[-1].after = PITCH
        for row in titles:
            self._put(row)

    def _paragraph(
        self, text: str, style: Style = BODY, *, indent: float = 2 * EM, left: float = 0.0, keep: bool = False
    ) -> list[_Row]:
        """A paragraph as rows: its first two and last two lines stay together."""
        lines = self._shaper.lines(text, style, WIDTH - left, indent=indent)
        last = len(lines) - 1
        return [
            _Row(
                line,
                PITCH,
                left + (indent if place == 0 else 0.0),
                keep=(place < last and (place < 1 or place >= last - 1)) or (place == last and keep),
            )
            for place, line in enumerate(lines)
        ]

    def _body(self, content: LetterContent) -> None:
        rows: list[_Row] = []
        if content.addressee:
            rows += self._paragraph(f"{content.addressee}：", indent=0.0, keep=True)
        rows += self._paragraph(content.opening)
        for place, section in enumerate(content.sections):
            rows += self._paragraph(f"{words.ordinal(place)}、{section.heading}", HEADING, keep=True)
            for paragraph in section.paragraphs:
                rows += self._paragraph(paragraph)
        if content.closing:
            rows += self._paragraph(content.closing)
        several = len(content.annexes) > 1
        for place, annex in enumerate(content.annexes):
            text = ("附件：" if place == 0 else "") + (f"{place + 1}." if several else "") + annex.title
            more = self._paragraph(text, indent=-3 * EM if place == 0 else 0.0, left=5 * EM)
            if place == 0:
                more[0].before = PITCH
            rows += more
        if rows:
            rows[-1].keep = True
        rows.append(_Row(None, 2 * PITCH, before=18 * MM))
        self._flow(rows)

    def _flow(self, rows: Sequence[_Row]) -> None:
        """Fill pages with rows; a page ends behind the last row that need not stay with the next."""
        start = 0
        while start < len(rows):
            y, stop = self._y, start
            while stop < len(rows) and y + rows[stop].before + rows[stop].height <= HEIGHT + 0.01:
                y += rows[stop].before + rows[stop].height + rows[stop].after
                stop += 1
            if stop < len(rows):
                cut = stop
                while cut > start and rows[cut - 1].keep:
                    cut -= 1
                if cut == start and self._y == 0.0:
                    cut = max(stop, start + 1)
                stop = cut
            for row in rows[start:stop]:
                self._put(row)
            if stop < len(rows):
                self._turn()
            start = stop

    def _sign(self, content: LetterContent, qr: str) -> None:
        """The signature in the room that the body left for it: the last two lines."""
        top = TOP + self._y - 2 * PITCH
        lines = [self._shaper.line(text, BODY) for text in (content.issuer, words.day(content.signed_on))]
        width = max(line.width for line in lines)
        left = LEFT + WIDTH - 4 * EM - width
        if qr:
            bottom, x = top + 2 * PITCH, LEFT + 2 * EM
            self._page.code(qr, x, bottom - 26.5 * MM, 22 * MM)
            scan = self._shaper.line("扫码核验", SCAN)
            self._page.text(scan, x + (22 * MM - scan.width) / 2, bottom - 4.5 * MM, 4.5 * MM, GREY)
        for place, line in enumerate(lines):
            self._page.text(line, left + (width - line.width) / 2, top + place * PITCH, PITCH)
        if not content.is_draft:
            self._place_of_seal(left + width / 2, top)

    def _place_of_seal(self, middle: float, top: float) -> None:
        """The ring around the place of the seal; a draft is without effect and is promised none."""
        thick = 0.35 * MM
        # The ring's border stands outside of its 42 mm, so its middle is off by one border.
        self._page.ring(middle + thick, top + PITCH + thick, 21 * MM + thick / 2, thick, ROSE)
        place_of_seal = self._shaper.line("印章位置", SEAL)
        self._page.text(
            place_of_seal,
            middle + thick - place_of_seal.width / 2,
            top + PITCH + thick - 21 * MM,
            76 * MM,
            PINK,
        )

    def _annex(self, annex: Annex, number: int) -> None:
        self._turn()
        for row in self._paragraph(f"附件{number or ''}", HEADING, indent=0.0):
            self._put(row)
        titles = self._centred(annex.title, ANNEX_TITLE, PITCH)
        titles[0].before, titles[-1].after = 3 * MM, 5 * MM
        for row in titles:
            self._put(row)
        if annex.note:
            for line in self._shaper.lines(annex.note, NOTE, WIDTH):
                self._put(_Row(line, 6 * MM, WIDTH - line.width))
        self._table(annex)

    def _table(self, annex: Annex) -> None:
        size = (9 if len(annex.columns) > 6 else 10.5) * PT
        plain, bold, head = Style(_FANG, size), Style(_FANG, size, 700), Style(_HEI, size)
        known = sum(column.width for column in annex.columns)
        free = sum(not column.width for column in annex.columns)
        widths = [
            WIDTH * column.width / known if column.width else WIDTH / max(free, 1) for column in annex.columns
        ]
        aligns = [column.align for column in annex.columns]
        heading = self._cells([column.heading for column in annex.columns], head, widths)
        middle = [Align.CENTER] * len(widths)
        self._cells_put(heading, middle, widths, size, top_rule=True)
        for texts, style in [
            *((row, plain) for row in annex.rows),
            *([(annex.total, bold)] if annex.total else []),
        ]:
            cells = self._cells(texts, style, widths)
            if self._y + self._row_height(cells, size, top_rule=False) > HEIGHT + 0.01:
                self._turn()
                self._cells_put(heading, middle, widths, size, top_rule=True)
            self._cells_put(cells, aligns, widths, size, top_rule=False)

    def _cells(self, texts: Sequence[str], style: Style, widths: Sequence[float]) -> list[tuple[Line, ...]]:
        """The cells of a row in lines; beside the text 1.4 mm and the rules are free."""
        return [
            self._shaper.lines(text, style, width - 2.8 * MM - (0.4 if place == 0 else 0.2) * MM)
            for place, (text, width) in enumerate(zip(texts, widths, strict=True))
        ]

    @staticmethod
    def _row_height(cells: Sequence[tuple[Line, ...]], size: float, *, top_rule: bool) -> float:
        most = max(len(lines) if lines[0].shows else 0 for lines in cells)
        return most * size * 1.4 + 1.8 * MM + (0.2 * MM if top_rule else 0.0)

    def _cells_put(
        self,
        cells: Sequence[tuple[Line, ...]],
        aligns: Sequence[Align],
        widths: Sequence[float],
        size: float,
        *,
        top_rule: bool,
    ) -> None:
        height = self._row_height(cells, size, top_rule=top_rule)
        rule, pitch = 0.2 * MM, size * 1.4
        above = rule if top_rule else 0.0
        x, y = LEFT, TOP + self._y
        page = self._page
        rules = [(LEFT, y + height - rule, WIDTH, rule), (LEFT, y, rule, height)]
        if top_rule:
            rules.append((LEFT, y, WIDTH, rule))
        for place, (lines, align, width) in enumerate(zip(cells, aligns, widths, strict=True)):
            edge = rule if place == 0 else 0.0
            room = width - 2.8 * MM - rule - edge
            inside = height - above - rule - 1.6 * MM
            top = y + above + 0.8 * MM + (inside - len(lines) * pitch) / 2
            for line_no, line in enumerate(lines):
                free = room - line.width
                shift = 0.0 if align is Align.LEFT else free if align is Align.RIGHT else free / 2
                page.text(line, x + edge + 1.4 * MM + shift, top + line_no * pitch, pitch)
            x += width
            rules.append((x - rule, y, rule, height))
        page.boxes(rules)
        self._y += height

    def _imprint(self, content: LetterContent) -> None:
        """抄送 and 印发 at the foot of the last page; on a page of its own where that one is full."""
        if not content.copies and not content.printed_by:
            return
        thick, thin, line_height = 0.35 * MM, 0.25 * MM, 9 * MM
        pad = 14 * PT
        copies = (
            self._shaper.lines(f"抄送：{'，'.join(content.copies)}。", IMPRINT, WIDTH - 2 * pad)
            if content.copies
            else ()
        )
        height = 2 * thick + len(copies) * line_height
        if content.printed_by:
            height += line_height + (thin if copies else 0.0)
        if self._y + height + 6 * MM > HEIGHT + 0.01:
            self._turn()
        page, y = self._page, TOP + HEIGHT - height
        page.box(LEFT, y, WIDTH, thick)
        page.box(LEFT, TOP + HEIGHT - thick, WIDTH, thick)
        y += thick
        for line in copies:
            page.text(line, LEFT + pad, y, line_height)
            y += line_height
        if content.printed_by:
            if copies:
                page.box(LEFT, y, WIDTH, thin)
                y += thin
            page.text(self._shaper.line(content.printed_by, IMPRINT), LEFT + pad, y, line_height)
            day = self._shaper.line(f"{words.day(content.signed_on)}印发", IMPRINT)
            page.text(day, LEFT + WIDTH - pad - day.width, y, line_height)
