"""What README and docs/ name is there: commands, settings, kinds of files, make's words, files, pictures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from clinic_orders import cli
from clinic_orders.exchange.tables import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
# A placeholder or an option ends the words of a command.
COMMAND = re.compile(r"clinic-orders((?: [a-z][a-z-]*)+)")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Every command of the console by its words."""
    found = {}
    for name, command in group.commands.items():
        found[f"{before}{name}"] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{before}{name} ")
    return found


@pytest.fixture(scope="module")
def console() -> dict[str, click.Command]:
    cli._commands()
    return commands(cli.console)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_and_picture_leads_somewhere(page):
    for link, picture in LINK.findall(page.read_text(encoding="utf-8")):
        target = unquote((link or picture).partition("#")[0])
        if target and not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{named(page)} leads to {target}, which is not there"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_of_the_console_that_is_named_exists(page, console):
    for words in COMMAND.findall(page.read_text(encoding="utf-8")):
        parts = words.split()
        known = [n for n in (1, 2) if " ".join(parts[:n]) in console]
        assert known, f"{named(page)} names clinic-orders{words}, which is no command"
        command = console[" ".join(parts[: known[-1]])]
        assert not isinstance(command, click.Group) or len(parts) == known[-1], (
            f"{named(page)} names clinic-orders{words}, which is no command"
        )


def test_the_readme_names_every_command_once_it_exists(console):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for words, command in console.items():
        if not isinstance(command, click.Group):
            assert re.search(rf"`(?:clinic-orders )?{words}[ `]", text), f"README leaves out {words}"


def test_the_readme_names_every_kind_of_file():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []


def test_the_readme_names_the_settings_that_are_read_and_no_others():
    named_there = set(
        re.findall(r"CLINIC_ORDERS_([A-Z_]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    )
    source = (ROOT / "clinic_orders" / "config.py").read_text(encoding="utf-8")
    assert named_there == set(re.findall(r'get\("([A-Z_]+)"', source))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_word_of_make_that_is_named_exists(page):
    goals = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for word in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")):
        assert word in goals, f"{named(page)} names make {word}"


def test_every_picture_is_shown_and_is_small():
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = sorted((ROOT / "docs" / "guide" / "pictures").glob("*.png"))
    assert [picture.name for picture in pictures if picture.name not in shown] == []
    assert sum(picture.stat().st_size for picture in pictures) < 3_000_000


def test_nothing_written_names_a_machine():
    """Paths of somebody's machine have no place in what is shipped."""
    listed = subprocess.run(
        ["git", "ls-files", "README.md", "docs", "scripts"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in listed:
        if not name.endswith(".png"):
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            assert not re.search(r"(?<![\w.])/(?:root|home)/", text), f"{name} names a path of a machine"
