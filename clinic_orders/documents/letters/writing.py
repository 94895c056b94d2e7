"""Pages of a press as PDF files: one for each letter, and one for all of them.

The fonts are cut twice: once for everything that was set, which costs as much as for a single letter, and from that
little font once more for each letter. Codes in the text are the glyphs' numbers in the whole font, so that the same
pages go into any file.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clinic_orders.documents.letters.setting import Page
from clinic_orders.documents.letters.shaping import Font

_DROPPED: Final = (
    b"BASE",
    b"DSIG",
    b"EBDT",
    b"EBLC",
    b"EBSC",
    b"GPOS",
    b"GSUB",
    b"JSTF",
    b"LTSH",
    b"PCLT",
    b"SVG ",
    b"VORG",
    b"vhea",
    b"vmtx",
    b"GDEF",
)
Used = Mapping[int, set[int]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page ready for any file: its packed operators and the glyphs they use."""

    packed: bytes
    used: Used


def sheet_of(page: Page) -> Sheet:
    """A page, packed."""
    return Sheet(zlib.compress(b"\n".join(page.shows), 6), page.used)


def used_by(sheets: Iterable[Sheet]) -> dict[int, set[int]]:
    """The glyphs of several pages, by font."""
    found: dict[int, set[int]] = {}
    for sheet in sheets:
        for number, glyphs in sheet.used.items():
            found.setdefault(number, set()).update(glyphs)
    return found


class Cut:
    """The fonts of a press, cut to what many letters use; from it each letter's are cut."""

    def __init__(self, fonts: Sequence[Font], used: Used) -> None:
        self._lib = importlib.import_module("weasyprint.text.ffi")
        self._fonts = {font.number: font for font in fonts if font.number in used}
        self._faces: dict[int, Any] = {}
        self._places: dict[int, dict[int, int] | None] = {}
        for number, font in self._fonts.items():
            glyphs = sorted({0, *used[number]})
            face = self._subset(font.face, glyphs, retain=False)
            places = self._places_in(face)
            # A font of CFF outlines keyed by character remembers the numbers that its glyphs had; any other one must
            # keep its glyphs where they were.
            if places is None or not places.keys() >= used[number]:
                face, places = self._subset(font.face, glyphs, retain=True), None
            self._faces[number], self._places[number] = face, places

    def program(self, number: int, glyphs: set[int]) -> tuple[bytes, bool]:
        """The font file that holds these glyphs, and whether it is CFF keyed by character."""
        places = self._places[number]
        wanted = sorted({0, *glyphs})
        if places is not None:
            face = self._subset(self._faces[number], [places[glyph] for glyph in wanted], retain=False)
            return _table(self._data(face), b"CFF "), True
        return self._data(self._subset(self._faces[number], wanted, retain=True)), False

    def font(self, number: int) -> Font:
        """The font with this number."""
        return self._fonts[number]

    def _places_in(self, face: Any) -> dict[int, int] | None:
        """Where the glyphs of the whole font stand in a cut one; None for a font that does not remember it."""
        data = self._data(face)
        if data[:4] != b"OTTO":
            return None
        loaded = importlib.import_module("fontTools.ttLib").TTFont(io.BytesIO(data), lazy=True)
        top = loaded["CFF "].cff.topDictIndex[0]
        if not hasattr(top, "ROS"):
            return None
        return {int(name[3:]): place for place, name in enumerate(top.charset) if name.startswith("cid")} | {
            0: 0
        }

    def _data(self, face: Any) -> bytes:
        return bytes(importlib.import_module("weasyprint.text.fonts").get_hb_object_data(face))

    def _subset(self, face: Any, glyphs: Sequence[int], *, retain: bool) -> Any:
        lib = self._lib
        ffi, hb, cutter = lib.ffi, lib.harfbuzz, lib.harfbuzz_subset
        order = ffi.gc(cutter.hb_subset_input_create_or_fail(), cutter.hb_subset_input_destroy)
        wanted = cutter.hb_subset_input_glyph_set(order)
        hb.hb_set_add_sorted_array(
            wanted, ffi.new(f"hb_codepoint_t[{len(glyphs)}]", list(glyphs)), len(glyphs)
        )
        flags = cutter.HB_SUBSET_FLAGS_DESUBROUTINIZE | cutter.HB_SUBSET_FLAGS_NO_HINTING
        if retain:
            flags |= cutter.HB_SUBSET_FLAGS_RETAIN_GIDS
        cutter.hb_subset_input_set_flags(order, flags)
        dropped = cutter.hb_subset_input_set(order, cutter.HB_SUBSET_SETS_DROP_TABLE_TAG)
        tags = sorted(hb.hb_tag_from_string(name, -1) for name in _DROPPED)
        hb.hb_set_add_sorted_array(dropped, ffi.new(f"hb_codepoint_t[{len(tags)}]", tags), len(tags))
        return ffi.gc(cutter.hb_subset_or_fail(face, order), hb.hb_face_destroy)


def _table(data: bytes, tag: bytes) -> bytes:
    """A table of a font file."""
    for place in range(int.from_bytes(data[4:6], "big")):
        entry = data[12 + 16 * place : 28 + 16 * place]
        if entry[:4] == tag:
            start, length = int.from_bytes(entry[8:12], "big"), int.from_bytes(entry[12:16], "big")
            return data[start : start + length]
    raise ValueError(f"the font has no table {tag!r}")


class _File:
    """A PDF file being written: objects by number."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        """The number of an object that is written later."""
        self._objects.append(b"")
        return len(self._objects)

    def put(self, number: int, body: bytes) -> None:
        """Write an object that was reserved."""
        self._objects[number - 1] = body

    def add(self, body: bytes) -> int:
        """Write an object; its number."""
        self._objects.append(body)
        return len(self._objects)

    def stream(self, packed: bytes, more: bytes = b"") -> int:
        """Write a packed stream."""
        head = b"<</Length %d/Filter/FlateDecode%s>>stream\n" % (len(packed), more)
        return self.add(head + packed + b"\nendstream")

    def bytes(self, root: int, info: int) -> bytes:
        """The whole file."""
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(self._objects, start=1):
            places.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        digest = hashlib.sha256(out).hexdigest()[:32].encode()
        out += b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[<%s><%s>]>>\nstartxref\n%d\n%%%%EOF\n" % (
            len(places) + 1,
            root,
            info,
            digest,
            digest,
            start,
        )
        return bytes(out)


def _title(text: str) -> bytes:
    return b"<feff" + text.encode("utf-16-be").hex().encode() + b">"


def _unicode_map(texts: Mapping[int, str]) -> bytes:
    rows = [
        b"<%04x> <%s>" % (glyph, text.encode("utf-16-be").hex().encode())
        for glyph, text in sorted(texts.items())
        if text
    ]
    parts = [
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        b"/CIDSystemInfo <</Registry (Adobe)/Ordering (UCS)/Supplement 0>> def",
        b"/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        b"1 begincodespacerange <0000> <ffff> endcodespacerange",
    ]
    for start in range(0, len(rows), 100):
        some = rows[start : start + 100]
        parts += [b"%d beginbfchar" % len(some), *some, b"endbfchar"]
    parts.append(b"endcmap CMapName currentdict /CMap defineresource pop end end")
    return b"\n".join(parts)


def _put_font(file: _File, cut: Cut, number: int, glyphs: set[int]) -> int:
    font = cut.font(number)
    program, keyed = cut.program(number, glyphs)
    shown = sorted(glyphs)
    # Six letters before the name say which part of the font this is.
    seed = hashlib.sha256(f"{font.name}:{shown}".encode()).digest()
    name = (
        bytes(65 + one % 26 for one in seed[:6])
        + b"+"
        + font.name.replace(" ", "-").encode("ascii", "replace")
    )
    if keyed:
        data = file.stream(zlib.compress(program, 6), b"/Subtype/CIDFontType0C")
        where, kind = b"/FontFile3 %d 0 R" % data, b"/CIDFontType0"
    elif program[:4] == b"OTTO":
        data = file.stream(zlib.compress(program, 6), b"/Subtype/OpenType")
        where, kind = b"/FontFile3 %d 0 R" % data, b"/CIDFontType0"
    else:
        data = file.stream(zlib.compress(program, 6), b"/Length1 %d" % len(program))
        where, kind = b"/FontFile2 %d 0 R" % data, b"/CIDFontType2/CIDToGIDMap/Identity"
    descriptor = file.add(
        b"<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[-1000 -1000 3000 2000]/ItalicAngle 0/Ascent %d/Descent %d"
        b"/CapHeight %d/StemV 80%s>>" % (name, font.ascent, font.descent, font.ascent, where)
    )
    widths = b" ".join(b"%d[%d]" % (glyph, font.widths[glyph]) for glyph in shown)
    descendant = file.add(
        b"<</Type/Font/Subtype%s/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor %d 0 R/DW 1000/W[%s]>>" % (kind, name, descriptor, widths)
    )
    to_unicode = file.stream(zlib.compress(_unicode_map({glyph: font.texts[glyph] for glyph in shown}), 6))
    return file.add(
        b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (name, descendant, to_unicode)
    )


def write(
    letters: Sequence[tuple[str, Sequence[Sheet]]], cut: Cut, *, title: str, bookmarks: bool = False
) -> bytes:
    """A PDF file of one letter or of many.

    Args:
        letters: title and pages of each.
        cut: the fonts.
        title: of the file.
        bookmarks: whether each letter has one.

    """
    file = _File()
    root, tree = file.reserve(), file.reserve()
    used = used_by(sheet for _, sheets in letters for sheet in sheets)
    fonts = b"".join(
        b"/F%d %d 0 R" % (number, _put_font(file, cut, number, glyphs))
        for number, glyphs in sorted(used.items())
    )
    resources = file.add(b"<</Font<<%s>>/ExtGState<</GS0<</Type/ExtGState/ca .08>>>>>>" % fonts)
    kids: list[int] = []
    firsts: list[tuple[str, int]] = []
    for name, sheets in letters:
        for place, sheet in enumerate(sheets):
            content = file.stream(sheet.packed)
            page = file.add(
                b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595.276 841.89]/Resources %d 0 R/Contents %d 0 R>>"
                % (tree, resources, content)
            )
            kids.append(page)
            if place == 0:
                firsts.append((name, page))
    file.put(
        tree, b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % one for one in kids))
    )
    outlines = _outlines(file, firsts) if bookmarks and firsts else b""
    file.put(
        root,
        b"<</Type/Catalog/Pages %d 0 R/Lang(zh-CN)/ViewerPreferences<</DisplayDocTitle true>>%s>>"
        % (tree, outlines),
    )
    info = file.add(b"<</Title %s/Producer(Clinic Orders)>>" % _title(title))
    return file.bytes(root, info)


def _outlines(file: _File, firsts: Sequence[tuple[str, int]]) -> bytes:
    tree = file.reserve()
    numbers = [file.reserve() for _ in firsts]
    for place, (name, page) in enumerate(firsts):
        around = (b"/Prev %d 0 R" % numbers[place - 1] if place else b"") + (
            b"/Next %d 0 R" % numbers[place + 1] if place + 1 < len(numbers) else b""
        )
        file.put(
            numbers[place],
            b"<</Title %s/Parent %d 0 R/Dest[%d 0 R/Fit]%s>>" % (_title(name), tree, page, around),
        )
    file.put(
        tree,
        b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (numbers[0], numbers[-1], len(numbers)),
    )
    return b"/Outlines %d 0 R" % tree
