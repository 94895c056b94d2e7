"""Text into glyphs and lines for letters that are made by the thousand.

Pango does it, the library with which WeasyPrint sets a single letter, through WeasyPrint's own binding: so both choose
the same glyphs, widths and places to break. What costs WeasyPrint its time is everything around it: here a paragraph
is shaped once, broken in one pass, and remembered, since most paragraphs stand in many letters of a run.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

LANGUAGE: Final = b"zh-CN"
# What ``font-variant-numeric: tabular-nums`` and ``font-kerning: auto`` of the style sheet come to.
_FEATURES: Final = b"tnum 1"
_EMPTY: Final = 0x0FFFFFFF
# So many paragraphs are remembered in lines; what all letters say comes back soon after it was forgotten.
_REMEMBERED: Final = 20_000
_UNKNOWN: Final = 0x10000000


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks: families in order, weight, size and letter spacing in CSS pixels."""

    families: str
    size: float
    weight: int = 400
    spacing: float = 0.0


@dataclass(slots=True)
class Font:
    """A font file as the PDF needs it: what was used of it so far, by glyph.

    Attributes:
        number: its place among the fonts of this press; F<number> in a PDF.
        name: as Pango describes it, without a size.
        face: HarfBuzz's face.
        ascent, descent: thousandths of the size.
        widths, texts: of every glyph used.

    """

    number: int
    name: str
    face: Any
    ascent: int
    descent: int
    widths: dict[int, int] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is ready to be drawn: the operators that show it, without its place.

    Attributes:
        shows: PDF operators that choose fonts and show glyphs.
        width, height, baseline: CSS pixels; of its glyphs, not of the space between lines.
        used: its glyphs by the number of their font.

    """

    shows: bytes
    width: float
    height: float
    baseline: float
    used: tuple[tuple[int, frozenset[int]], ...]


@dataclass(frozen=True, slots=True)
class _Glyph:
    font: Font
    glyph: int
    advance: float
    # How far the glyph stands to the right of its place, and how far the next one is pulled back, in thousandths.
    shift: float
    back: float


@dataclass(frozen=True, slots=True)
class _Shaped:
    """A paragraph on one endless line: glyphs by character, and where a line may break before a character."""

    text: str
    glyphs: tuple[tuple[_Glyph, ...], ...]
    breaks: tuple[bool, ...]
    height: float
    baseline: float

    def width(self, start: int, stop: int) -> float:
        return sum(one.advance for glyphs in self.glyphs[start:stop] for one in glyphs)


class Shaper:
    """Shapes text with the fonts of this machine; one a process, used by one thread."""

    def __init__(self, font_configuration: Any) -> None:
        self._lib = importlib.import_module("weasyprint.text.ffi")
        self._map = font_configuration.font_map
        self._keep = font_configuration
        self.fonts: list[Font] = []
        self._by_pointer: dict[int, Font] = {}
        self._by_name: dict[str, Font] = {}
        self._contexts: dict[Style, tuple[Any, Any, Any]] = {}
        self._broken: dict[tuple[Style, str, float, float], tuple[Line, ...]] = {}

    def lines(self, text: str, style: Style, width: float, *, indent: float = 0.0) -> tuple[Line, ...]:
        """A paragraph in lines of a width; the first one is indented, a word wider than a line is broken.

        Args:
            text: without line feeds; blanks are drawn together as in HTML.
            style: how it looks.
            width: of the lines, in CSS pixels.
            indent: of the first line, in CSS pixels.

        """
        key = (style, text, width, indent)
        found = self._broken.get(key)
        if found is None:
            if len(self._broken) > _REMEMBERED:
                self._broken.clear()
            found = self._broken[key] = tuple(self._break(" ".join(text.split()), style, width, indent))
        return found

    def line(self, text: str, style: Style) -> Line:
        """A text on one line, however long it is."""
        return self.lines(text, style, float("inf"))[0]

    def _break(self, text: str, style: Style, width: float, indent: float) -> list[Line]:
        whole = self._shape(text, style)
        start, room, length = 0, width - indent, len(text)
        lines: list[Line] = []
        while start < length or not lines:
            fits, run, place = start, 0.0, start
            while place < length:
                run += sum(one.advance for one in whole.glyphs[place])
                place += 1
                # A blank at the end of a line takes no room.
                seen = run - self._blank(whole, place) if text[place - 1] == " " else run
                if seen + style.spacing > room + 1e-3:
                    break
                if place == length or whole.breaks[place]:
                    fits = place
            if fits == start:
                fits = self._letters(whole, start, room)
            stop = fits
            while stop > start and text[stop - 1] == " ":
                stop -= 1
            lines.append(self._draw(whole, start, stop, style))
            start, room = fits, width
        return lines

    @staticmethod
    def _blank(whole: _Shaped, place: int) -> float:
        return whole.width(place - 1, place)

    @staticmethod
    def _letters(whole: _Shaped, start: int, room: float) -> int:
        """So many characters of a word that is wider than the line, one at least."""
        run, place = 0.0, start
        while place < len(whole.text):
            run += sum(one.advance for one in whole.glyphs[place])
            if run > room + 1e-3 and place > start:
                break
            place += 1
        return max(place, start + 1) if whole.text else 0

    def _context(self, style: Style) -> tuple[Any, Any, Any]:
        found = self._contexts.get(style)
        if found is not None:
            return found
        lib = self._lib
        pango, ffi = lib.pango, lib.ffi
        context = ffi.gc(pango.pango_font_map_create_context(self._map), lib.gobject.g_object_unref)
        pango.pango_context_set_round_glyph_positions(context, False)
        pango.pango_context_set_language(
            context, pango.pango_language_from_string(ffi.new("char[]", LANGUAGE))
        )
        description = ffi.gc(pango.pango_font_description_new(), pango.pango_font_description_free)
        pango.pango_font_description_set_family(description, ffi.new("char[]", style.families.encode()))
        pango.pango_font_description_set_weight(description, style.weight)
        pango.pango_font_description_set_absolute_size(description, int(style.size * lib.TO_UNITS))
        layout = ffi.gc(pango.pango_layout_new(context), lib.gobject.g_object_unref)
        pango.pango_layout_set_auto_dir(layout, False)
        pango.pango_layout_set_font_description(layout, description)
        self._contexts[style] = (context, description, layout)
        return self._contexts[style]

    def _shape(self, text: str, style: Style) -> _Shaped:
        lib = self._lib
        pango, ffi = lib.pango, lib.ffi
        _, _, layout = self._context(style)
        data = text.encode()
        kept = ffi.new("char[]", data)
        pango.pango_layout_set_text(layout, kept, len(data))
        attributes = ffi.gc(pango.pango_attr_list_new(), pango.pango_attr_list_unref)
        pango.pango_attr_list_insert(attributes, pango.pango_attr_font_features_new(_FEATURES))
        if style.spacing:
            spacing = pango.pango_attr_letter_spacing_new(int(style.spacing * lib.TO_UNITS))
            spacing.start_index, spacing.end_index = 0, len(data)
            pango.pango_attr_list_change(attributes, spacing)
        pango.pango_layout_set_attributes(layout, attributes)
        first = pango.pango_layout_get_line_readonly(layout, 0)
        extents = ffi.new("PangoRectangle *")
        pango.pango_layout_line_get_extents(first, ffi.NULL, extents)
        place_of = {}
        offset = 0
        for place, letter in enumerate(text):
            place_of[offset] = place
            offset += len(letter.encode())
        glyphs: list[list[_Glyph]] = [[] for _ in text]
        run = first.runs[0] if first.runs != ffi.NULL else ffi.NULL
        while run != ffi.NULL:
            self._read(run.data, text, place_of, glyphs, style)
            run = run.next
        number = ffi.new("int *")
        marks = pango.pango_layout_get_log_attrs_readonly(layout, number)
        breaks = tuple(bool(marks[place].is_line_break) for place in range(len(text)))
        return _Shaped(
            text,
            tuple(tuple(found) for found in glyphs),
            breaks,
            extents.height * lib.FROM_UNITS,
            pango.pango_layout_get_baseline(layout) * lib.FROM_UNITS,
        )

    def _read(
        self, item: Any, text: str, place_of: dict[int, int], glyphs: list[list[_Glyph]], style: Style
    ) -> None:
        """Take the glyphs of a run over, each to the character that it begins with."""
        units = self._lib.FROM_UNITS
        font = self._font(item.item.analysis.font)
        string, start = item.glyphs, item.item.offset
        places = [place_of[start + string.log_clusters[number]] for number in range(string.num_glyphs)]
        for number in range(string.num_glyphs):
            info = string.glyphs[number]
            advance = info.geometry.width * units
            glyph = info.glyph
            if glyph == _EMPTY or glyph & _UNKNOWN:
                glyph = 0
            if glyph not in font.widths:
                font.widths[glyph] = self._width(item.item.analysis.font, glyph, style)
                stop = next((place for place in places[number + 1 :] if place > places[number]), None)
                last = place_of.get(start + item.item.length, len(text)) if stop is None else stop
                font.texts[glyph] = text[places[number] : last]
            shift = info.geometry.x_offset * units * 1000 / style.size
            back = font.widths[glyph] + shift - advance * 1000 / style.size
            glyphs[places[number]].append(_Glyph(font, glyph, advance, shift, back))

    def _width(self, pango_font: Any, glyph: int, style: Style) -> int:
        lib = self._lib
        ink, logical = lib.ffi.new("PangoRectangle *"), lib.ffi.new("PangoRectangle *")
        lib.pango.pango_font_get_glyph_extents(pango_font, glyph, ink, logical)
        width: int = round(logical.width * 1000 * lib.FROM_UNITS / style.size)
        return width

    def _font(self, pango_font: Any) -> Font:
        lib = self._lib
        pango, ffi = lib.pango, lib.ffi
        pointer = int(ffi.cast("uintptr_t", pango_font))
        found = self._by_pointer.get(pointer)
        if found is not None:
            return found
        description = ffi.gc(
            pango.pango_font_describe_with_absolute_size(pango_font), pango.pango_font_description_free
        )
        size = pango.pango_font_description_get_size(description)
        mask = pango.PANGO_FONT_MASK_SIZE | pango.PANGO_FONT_MASK_GRAVITY
        pango.pango_font_description_unset_fields(description, mask)
        name = ffi.string(pango.pango_font_description_to_string(description)).decode()
        found = self._by_name.get(name)
        if found is None:
            metrics = pango.pango_font_get_metrics(pango_font, ffi.NULL)
            found = Font(
                len(self.fonts) + 1,
                name,
                importlib.import_module("weasyprint.text.fonts").get_pango_font_hb_face(pango_font),
                round(pango.pango_font_metrics_get_ascent(metrics) / size * 1000),
                -round(pango.pango_font_metrics_get_descent(metrics) / size * 1000),
            )
            self.fonts.append(found)
            self._by_name[name] = found
        # The font map keeps its fonts as long as it lives, so that a pointer stays the font's own.
        self._by_pointer[pointer] = found
        return found

    @staticmethod
    def _draw(whole: _Shaped, start: int, stop: int, style: Style) -> Line:
        """The operators that show a stretch of a paragraph, and what it takes."""
        out: list[bytes] = []
        used: dict[int, set[int]] = {}
        text: list[str] = []
        now: Font | None = None
        width = 0.0

        def flush() -> None:
            if text and now is not None:
                out.append(f"/F{now.number} {style.size * 0.75:.3f} Tf[<{''.join(text)}>]TJ".encode())
            text.clear()

        for glyphs in whole.glyphs[start:stop]:
            for one in glyphs:
                if one.font is not now:
                    flush()
                    now = one.font
                used.setdefault(one.font.number, set()).add(one.glyph)
                if abs(one.shift) > 0.5:
                    text.append(f">{-one.shift:.0f}<")
                text.append(f"{one.glyph:04x}")
                width += one.advance
                if abs(one.back) > 0.5:
                    text.append(f">{one.back:.0f}<")
        flush()
        return Line(
            b"\n".join(out),
            width + style.spacing,
            whole.height,
            whole.baseline,
            tuple((number, frozenset(glyphs)) for number, glyphs in used.items()),
        )


@cache
def shaper() -> Shaper:
    """The shaper of this process."""
    return Shaper(importlib.import_module("weasyprint.text.fonts").FontConfiguration())
