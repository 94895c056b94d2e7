"""Every text has its Chinese, and the catalogues are put together safely."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from clinic_orders.web.text import TRANSLATIONS, TextConflict, compile_texts, merged

ROOT = Path(__file__).resolve().parents[2]
AREAS = TRANSLATIONS / "zh_Hans_CN" / "LC_MESSAGES"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "N_": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
PLACE = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")
COUNTED = re.compile(
    r"(?<!of )(?<!first )(?<!all )(?<!All )(?<!p to )(?:%\((\w+)\)[sd]|\{(\w+)\}) (?:(?!and|are|is|was|of)[a-z]+ )?([a-z]+s)\b"
)
"""A number with the plural of what it counts, such as "%(count)s lines"; "3 of 1 lines" is said of any number."""
NO_PLURALS = re.compile(
    r"is|was|has|says|its|as|yuan|less|this|does|proposes|confirms|agrees|reports|disputes|appeals|supervises|takes|needs|"
    r"begins|counts|points|perhaps|yourselves|serves|fits|stands|holds"
)
"""Words with an s at their end before which a place holds a name or an amount."""
ALWAYS_MANY = {"limit", "least", "most", "most_files", "seconds", "minutes", "tries", "length", "max_rows"}
"""Places that are filled by settings of the program, which are more than one."""
COUNTED_ALIKE = {
    # Several numbers, of which one alone would have its form.
    "%(accepted)s packs were accepted in the last %(days)s days; that is",
    "%(accepted)s × 30 ÷ %(days)s = %(packs)s packs",
    "%(agreements)s agreements over %(packs)s packs are made.",
    "%(kind)s: %(rows)s rows; %(created)s created,",
    "%(kind)s: %(rows)s rows; %(created)s would be created,",
    "%(kinds)s items, %(packs)s packs",
    "%(num)s sentinel institutions, %(done)s of %(all)s prices reported",
    "%(rows)s rows  +%(created)s ~%(updated)s",
    "%(used)s ÷ %(days)s × (%(lead)s + %(cover)s)",
    "batch %(number)s undone: %(removed)s records taken out,",
    "suggested = daily use × (%(lead)s days until the goods come",
    # Filled in by the script of the page, which knows one form.
    "{kinds} items, {packs} packs",
    "{n} visits are on this phone since {at}.",
    # Settings and policy that nobody sets to one.
    "%(number)s metres",
    "A refusal, a decision against the county, and an admission",
    "Answer truthfully: the bureau compares with its own records.",
    "Files of more than 20,000 rows are made behind the scenes.",
    "It holds what you may see, only you can fetch it, and after %(days)s days",
    "Nobody had it stored within %(days)s days after its trial.",
    "Nothing is stored yet: you see what would happen first. The page waits",
    "Orders stop where at least %(amount)s yuan that nobody disputes",
    "The file was deleted after %(days)s days.",
    "The files of this run are older than %(days)s days and gone. Ask",
    "The files of this run are older than %(days)s days and gone. The letters",
    "The files of this run are older than %(days)s days and gone. The drafts",
}
"""Beginnings of the texts that say "1 packs", and why; no others."""
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


def texts_of(path: Path, keywords=KEYWORDS):
    """(line, msgid or (msgid, plural), context) of each text in a Python file or a template."""
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    options = {} if path.suffix == ".py" else {"extensions": "jinja2.ext.i18n", "silent": "false"}
    content = io.BytesIO(path.read_bytes())
    for line, message, _, context in extract(method, content, keywords, (), options):
        yield line, message, context


def sources():
    found = [*(ROOT / "clinic_orders").rglob("*.py"), *(ROOT / "templates").rglob("*.*")]
    return sorted(path for path in found if path.suffix in {".py", ".html", ".txt", ".xml"})


def places(text):
    return {"".join(match) for match in PLACE.findall(text)}


def test_every_text_has_its_chinese_with_the_same_places():
    catalogue = merged(sorted(AREAS.glob("*.po")), locale="zh_Hans_CN")
    wrong = []
    for path in sources():
        for line, message, context in texts_of(path):
            singular = message if isinstance(message, str) else message[0]
            if not singular:
                continue
            where = f"{path.relative_to(ROOT)}:{line}: {singular!r}"
            known = catalogue.get(singular, context)
            if known is None:
                wrong.append(f"{where} has no Chinese")
                continue
            if not isinstance(message, str) and isinstance(known.id, str):
                wrong.append(f"{where} is counted, its Chinese is not (msgid_plural)")
            forms = (known.string,) if isinstance(known.string, str) else known.string
            for form in forms:
                if places(form) != places(singular):
                    wrong.append(f"{where} has other places than {form!r}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_text_with_a_count_has_a_form_for_one():
    """What is said on the spot; texts that are kept with their facts and said later (N_) have one form."""
    found = set()
    for path in sources():
        for line, message, _ in texts_of(path, {"_": None, "gettext": None, "lazy_gettext": None}):
            for first, second, noun in COUNTED.findall(message) if isinstance(message, str) else ():
                if not NO_PLURALS.fullmatch(noun) and (first or second) not in ALWAYS_MANY:
                    found.add((message, f"{path.relative_to(ROOT)}:{line}"))
    told = {text: [one for one in COUNTED_ALIKE if text.startswith(one)] for text, _ in found}
    without = sorted(f"{where}: {text!r}" for text, where in found if not told[text])
    assert not without, "ngettext(one, many, number):\n" + "\n".join(without)
    assert {one for those in told.values() for one in those} == COUNTED_ALIKE


@pytest.mark.parametrize("path", sorted(AREAS.glob("*.po")), ids=lambda path: path.name)
def test_an_area_file_holds_no_fuzzy_and_no_empty_text(path):
    with path.open("rb") as file:
        area = read_po(file, locale="zh_Hans_CN", charset="utf-8", abort_invalid=True)
    assert not [message.id for message in area if message.id and (message.fuzzy or not message.string)]


def test_chinese_lies_in_the_folder_that_babel_reads():
    assert AREAS.is_dir()
    assert not (TRANSLATIONS / "zh_CN").exists()


def folder_with(tmp_path, **areas):
    folder = tmp_path / "zh_Hans_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    for area, body in areas.items():
        (folder / f"{area}.po").write_text(HEAD + body, encoding="utf-8")
    return folder


def test_catalogues_are_compiled_once_and_again_when_a_text_changes(tmp_path):
    folder = folder_with(tmp_path, one='msgid "Order"\nmsgstr "订药"\n')
    assert compile_texts(tmp_path) == [folder / "messages.mo"]
    assert compile_texts(tmp_path) == []
    folder_with(tmp_path, one='msgid "Order"\nmsgstr "订货"\n')
    assert compile_texts(tmp_path) == [folder / "messages.mo"]
    assert sorted(path.name for path in folder.iterdir()) == ["messages.mo", "one.po"]


def test_two_areas_may_share_a_text_but_not_disagree_about_it(tmp_path):
    one = 'msgid "Order"\nmsgstr "订药"\n'
    folder = folder_with(tmp_path, one=one, two=one)
    sources = [folder / "one.po", folder / "two.po"]
    merged(sources, locale="zh_Hans_CN")
    folder_with(tmp_path, two='msgid "Order"\nmsgstr "订单"\n')
    with pytest.raises(TextConflict, match=r"'Order' is '订药' in one\.po and '订单' in two\.po"):
        merged(sources, locale="zh_Hans_CN")


def test_a_wording_in_doubt_does_not_keep_the_server_from_starting(tmp_path):
    folder = folder_with(tmp_path, one='msgid "Order"\nmsgstr "订药"\n', two='msgid "Order"\nmsgstr "订单"\n')
    assert compile_texts(tmp_path) == [folder / "messages.mo"]


def test_a_spoilt_catalogue_is_made_anew(tmp_path):
    folder = folder_with(tmp_path, one='msgid "Order"\nmsgstr "订药"\n')
    (folder / "messages.mo").write_bytes(b"half a file")
    assert compile_texts(tmp_path) == [folder / "messages.mo"]
