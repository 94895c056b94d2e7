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
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


def texts_of(path: Path):
    """(line, msgid or (msgid, plural), context) of each text in a Python file or a template."""
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    options = {} if path.suffix == ".py" else {"extensions": "jinja2.ext.i18n", "silent": "false"}
    content = io.BytesIO(path.read_bytes())
    for line, message, _, context in extract(method, content, KEYWORDS, (), options):
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
