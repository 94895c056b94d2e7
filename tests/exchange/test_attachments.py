"""Files of answers: judged by content, kept outside the web root, taken along by a backup, gone with a failed deed."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from clinic_orders.exchange.attachments import Upload, path_of, stored
from clinic_orders.exchange.backups.writing import _uploaded
from clinic_orders.rules.attachments import (
    FileDamaged,
    FileEmpty,
    FileKindRefused,
    FileTooLarge,
    MediaType,
    TooManyFiles,
)


def paper() -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as new:
        new.add_blank_page()
        new.save(out)
    return out.getvalue()


PDF = paper()


def picture(form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (20, 120, 90)).save(out, form)
    return out.getvalue()


def keep(folder: Path, name: str, content: bytes, *, limit_mb: int = 1):
    with stored(folder, [Upload(name, io.BytesIO(content))], limit_mb=limit_mb) as (one,):
        return one


def lying(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("柜台.JPG", picture(), MediaType.JPEG),
        ("价签.png", picture("PNG"), MediaType.PNG),
        ("说明.pdf", PDF, MediaType.PDF),
    ],
)
def test_photos_and_papers_are_kept_for_their_owner_only(tmp_path, name, content, kind):
    one = keep(tmp_path, name, content)
    path = path_of(tmp_path, one.stored_as)
    assert (one.name, one.media_type, one.size) == (name, kind, len(content))
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert name not in str(path)


def test_a_name_that_lies_about_its_kind_gets_the_right_ending(tmp_path):
    assert keep(tmp_path, "../../照片.html", picture()).name == "照片.html.jpg"


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("a.pdf", b"", FileEmpty),
        ("a.jpg", b"MZ\x90\x00 program", FileKindRefused),
        ("a.pdf", b"<html><script>alert(1)</script></html>", FileKindRefused),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", FileKindRefused),
        ("a.jpg", b"\xff\xd8\xff<script>", FileDamaged),
        ("a.png", picture("PNG")[:40], FileDamaged),
        ("a.pdf", b"%PDF-1.7 and nothing more", FileDamaged),
        ("a.jpg", b"\xff\xd8\xff" + bytes(1024 * 1024), FileTooLarge),
    ],
)
def test_what_is_no_photo_or_paper_is_refused_and_leaves_nothing(tmp_path, name, content, refusal):
    with pytest.raises(refusal):
        keep(tmp_path, name, content)
    assert lying(tmp_path) == []


def test_one_bad_file_takes_the_good_ones_with_it(tmp_path):
    uploads = [Upload("a.pdf", io.BytesIO(PDF)), Upload("b.pdf", io.BytesIO(b""))]
    with pytest.raises(FileEmpty), stored(tmp_path, uploads, limit_mb=1):
        raise AssertionError("nothing is named to a deed")
    assert lying(tmp_path) == []


def test_a_deed_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(KeyError), stored(tmp_path, [Upload("a.pdf", io.BytesIO(PDF))], limit_mb=1):
        raise KeyError
    assert lying(tmp_path) == []


def test_more_files_than_an_answer_takes_are_not_even_looked_at(tmp_path):
    uploads = [Upload(f"{number}.pdf", io.BytesIO(PDF)) for number in range(10)]
    with pytest.raises(TooManyFiles), stored(tmp_path, uploads, limit_mb=1):
        raise AssertionError("nothing is named to a deed")


def test_a_backup_takes_the_files_along(tmp_path):
    one = keep(tmp_path, "说明.pdf", PDF)
    assert path_of(tmp_path, one.stored_as) in _uploaded(tmp_path)


def test_a_picture_that_would_blow_up_memory_is_refused(tmp_path):
    out = io.BytesIO()
    Image.new("1", (20_000, 6_000)).save(out, "PNG")
    with pytest.raises(FileDamaged):
        keep(tmp_path, "a.png", out.getvalue())
