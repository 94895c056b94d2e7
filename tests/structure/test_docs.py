"""The documents say what the code does: tables in step, every word of the field explained, no dead links."""

import re
from pathlib import Path

import pytest

from clinic_orders.jobs import JOBS
from clinic_orders.rules.ordering import ReturnState, ShipmentState
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Role
from scripts.make_rules_doc import DOCUMENT, TABLES, filled

ROOT = Path(__file__).resolve().parents[2]
RULE = re.compile(r"\bR-[A-Z]+-[0-9]+\b")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_tables_of_the_rules_are_in_step_with_the_code():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == filled(text), "run `python scripts/make_rules_doc.py`, read the difference, commit it"


def test_the_rules_hold_every_table_that_is_made():
    marked = re.findall(r"<!-- made: (\w+) -->", DOCUMENT.read_text(encoding="utf-8"))
    assert sorted(marked) == sorted(TABLES)


def test_every_job_is_in_the_rules():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert not [job.name for job in JOBS if f"`{job.name}`" not in text]


def test_every_rule_that_the_code_names_is_a_rule():
    known = set(re.findall(r"^- (R-[A-Z]+-[0-9]+)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE))
    named = {}
    for folder in ("clinic_orders", "templates", "tests", "docs"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix in {".py", ".html", ".md"}:
                for rule in RULE.findall(path.read_text(encoding="utf-8")):
                    named.setdefault(rule, path.relative_to(ROOT))
    unknown = {rule: str(path) for rule, path in named.items() if rule not in known}
    assert not unknown, f"no such rules in docs/rules.md: {unknown}"


@pytest.mark.parametrize("words", [InstitutionKind, OrderMode], ids=lambda words: words.__name__)
def test_the_glossary_explains_every_kind_and_mode(words):
    assert not [member.value for member in words if member.value not in GLOSSARY]


def test_the_glossary_explains_who_takes_part():
    word_of = {
        Role.INSTITUTION: "institution",
        Role.HOSPITAL: "supervising hospital",
        Role.DISTRIBUTOR: "distributor",
        Role.COUNTY: "county bureau",
        Role.CITY: "city bureau",
        Role.OPERATOR: "operator",
    }
    assert set(word_of) == set(Role) - {Role.SYSTEM}
    missing = [
        word for word in word_of.values() if not re.search(rf"^\|[^|]*\b{word}\b", GLOSSARY, re.MULTILINE)
    ]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_the_documents_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    dead = [
        target
        for target in targets
        if target and "://" not in target and not target.startswith("mailto:")
        if not (document.parent / target).exists()
    ]
    assert not dead


def test_states_are_words_of_the_rules():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert not [state.value for state in (*ShipmentState, *ReturnState) if f"| {state.value} |" not in text]
