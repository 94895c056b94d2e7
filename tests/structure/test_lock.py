"""The lock is whole: every package at one version with hashes, none of them strange to this project, all of them free.

Whether a version has a known hole can't be known without the network: that is `make audit`.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Python-2\.0|MPL|Mozilla|LGPL|Lesser General Public|HPND|"
    r"Unlicense|Public Domain|CC0|ZPL|Zope|CNRI)",
    re.IGNORECASE,
)
"""What may stand in a program that is given away under MIT: free, and not asking the same of the whole."""

TOOLS = {
    "djlint": "GPL: a program that `make lint` runs, no part of what is given out",
    "axe-playwright-python": "MIT in its repository, its metadata say nothing; drives the tests' browser",
}
"""Of the developers' tools those with another or an unsaid licence."""


@dataclass(frozen=True)
class Locked:
    """One version of the lock; a package may have another one for other Pythons, told by the marker."""

    name: str
    version: Version
    marker: str
    hashes: int


def locked() -> list[Locked]:
    """Every version of the lock."""
    found = []
    for block in re.split(r"\n(?=[a-z0-9])", LOCK):
        head = re.match(r"([a-z0-9][\w.-]*(?:\[[\w,-]+\])?)==([^\s;]+)\s*(?:;\s*([^\\]+?))?\s*\\", block)
        if head:
            name = canonicalize_name(head[1].partition("[")[0])
            found.append(Locked(name, Version(head[2]), head[3] or "", block.count("--hash=sha256:")))
    return found


def versions() -> dict[str, list[Version]]:
    """The versions of each package."""
    found: dict[str, list[Version]] = {}
    for one in locked():
        found.setdefault(one.name, []).append(one.version)
    return found


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        Requirement(text) for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    ]


def test_every_package_has_hashes_and_one_version_for_each_python():
    lines = [line for line in LOCK.splitlines() if line and not line.startswith(("#", " ", "\t"))]
    assert len(locked()) == len(lines) > 50
    assert [one.name for one in locked() if not one.hashes] == []
    assert len({(one.name, one.marker) for one in locked()}) == len(locked())
    assert [
        name for name, found in versions().items() if len(found) > 1 and len(found) != _markers(name)
    ] == []


def test_the_lock_names_no_address():
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links|\bgit\+|file:", LOCK) == []


def test_every_floor_of_the_project_is_met_and_nothing_that_is_asked_for_is_missing():
    found = versions()
    wrong = [
        str(one)
        for one in wanted()
        if not any(one.specifier.contains(version) for version in found.get(canonicalize_name(one.name), []))
    ]
    assert wrong == [], "run `make lock`"


def test_no_version_is_a_trial_of_its_makers():
    assert [one.name for one in locked() if one.version.is_prerelease] == []


def test_what_is_installed_is_what_is_locked():
    found = versions()
    other = {
        name: f"{distribution.version} is installed, {found[name]} locked"
        for distribution in importlib.metadata.distributions()
        if (name := canonicalize_name(distribution.metadata["Name"])) in found
        and Version(distribution.version) not in found[name]
    }
    assert other == {}


def test_every_package_may_be_given_away_with_this_program():
    """Of another system or Python some are not installed; they are looked at where they are."""
    strange = {}
    for name in versions():
        if not _installed(name):
            assert all(one.marker for one in locked() if one.name == name), f"{name} is not installed"
            continue
        data = importlib.metadata.metadata(name)
        said = [data.get("License-Expression") or "", (data.get("License") or "")[:200]]
        said += [one for one in data.get_all("Classifier") or [] if one.startswith("License ::")]
        if name not in TOOLS and not any(FREE.search(text) for text in said):
            strange[name] = said
    assert strange == {}


def test_the_tools_of_another_licence_are_no_part_of_the_program():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, shipped = [Requirement(text).name for text in project["dependencies"]], set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in shipped or not _installed(name):
            continue
        shipped.add(name)
        waiting += [
            Requirement(text).name
            for text in importlib.metadata.requires(name) or []
            if "extra ==" not in text
        ]
    assert len(shipped) > 30
    assert shipped & set(TOOLS) == set()


def _markers(name: str) -> int:
    return len({one.marker for one in locked() if one.name == name and one.marker})


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
