"""Habits of the code that no linter holds: who commits, who says by whom and when, who names what."""

import ast
import importlib
import inspect
import pkgutil
from enum import Enum
from pathlib import Path

import pytest

import clinic_orders
from clinic_orders import actions
from clinic_orders.web.deed_fields import FIELDS
from clinic_orders.web.deed_names import DEEDS
from clinic_orders.web.display import has_label, has_notice

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "clinic_orders"
TEMPLATES = ROOT / "templates"

# Enums that no page shows by their own name; everything else is named by register_labels.
NOT_SHOWN = {
    "Align": "how a column of an annex stands",
    "Coverage": "which periods a look covers; the decision on looks says it",
    "CloseReason": "named by rules.reasons",
    "AssessmentStep": "a step of the table, not shown",
    "YearList": "which list of a year; the page says it in words of its own",
    "ExitStep": "a step of the table, not shown",
    "Figure": "how a figure of a finding is written",
    "Form": "how a policy value is written",
    "ExportRefusal": "the page says it in a sentence with the way out",
    "MediaType": "what a file is by its content; pages show its name",
    "LossReason": "named by rules.reasons",
    "MarkupBase": "a choice of policy, shown as its value",
    "MarkupRounding": "a choice of policy, shown as its value",
    "Part": "what a section of a letter is for; its heading says it",
    "Permission": "the guards' words",
    "RejectReason": "named by rules.reasons",
    "ReminderStage": "the notices say it",
    "ScanKind": "whether a code is of a pack or of a product; the sentences say it",
    "ReturnReason": "named by rules.reasons",
    "ReversalReason": "named by rules.reasons",
    "SaleWarningKind": "a warning of the form says it in a sentence",
    "StockNews": "the notices say it",
    "Side": "who may take a step; the buttons are named",
    "Step": "the buttons are named on their pages",
    "TradeStatus": "the gateway's words",
    "StatementStep": "the buttons are named",
    "Subject": "what a step is taken on",
    "Trouble": "of the database; the page says it in a sentence with the way out",
}
# Words of the audit that are given to a helper in a variable; those written out are found by themselves.
HELPERS = {"record", "record_all", "write_down", "_record", "note", "_note", "_noted", "_write_down"}


def modules(package):
    """Every module of a package, imported."""
    found = [package]
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        found.append(importlib.import_module(info.name))
    return found


def trees(folder):
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(folder.rglob("*.py"))]


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def literals(folder, names):
    """(word, where) of every call to one of these functions whose first argument is written out."""
    for path, tree in trees(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) in names and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_the_transaction_commits():
    guilty = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees(CODE)
        if path.name != "transaction.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node) == "commit"
    ]
    assert not guilty, f"{guilty}: write a deed in actions/ and decorate it @transactional"


def deeds():
    """Every public function of actions/ that is a transaction of its own."""
    for module in modules(actions):
        if any(part.startswith("_") for part in module.__name__.split(".")):
            continue
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != module.__name__:
                continue
            opens = "with transaction():" in inspect.getsource(function)
            if getattr(function, "__transactional__", False) or (
                opens and module.__name__ != "clinic_orders.actions.transaction"
            ):
                yield module, function


def test_every_deed_says_by_whom_and_when():
    wrong = []
    for module, function in deeds():
        if module.__name__ == "clinic_orders.actions.transaction":
            continue
        parameters = inspect.signature(function).parameters
        for needed in ("by", "at"):
            known = parameters.get(needed)
            if known is None or known.kind is not known.KEYWORD_ONLY or known.default is not known.empty:
                wrong.append(f"{module.__name__}.{function.__name__}: {needed} is a keyword without default")
    assert not wrong, "\n".join(wrong)


def test_there_are_deeds_to_look_at():
    assert len(list(deeds())) > 20


def test_every_deed_of_the_history_has_a_name():
    missing = sorted(
        {f"{word!r} ({where})" for word, where in literals(CODE / "actions", HELPERS) if word not in DEEDS}
    )
    assert not missing, f"name them in web/deed_names.py and audit.po: {missing}"


def test_every_fact_of_the_history_has_a_name():
    """Of the facts that are written out; those read from records are named by the columns of their kind."""
    missing = sorted(
        {
            f"{key.value!r} ({path.relative_to(ROOT)}:{key.lineno})"
            for path, tree in trees(CODE / "actions")
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for word in node.keywords
            if word.arg in {"before", "after"} and isinstance(word.value, ast.Dict)
            for key in word.value.keys
            if isinstance(key, ast.Constant) and key.value not in FIELDS
        }
    )
    assert not missing, f"name them in web/deed_fields.py and audit.po: {missing}"


def test_every_kind_of_notice_has_its_text(app):
    missing = sorted(
        {
            f"{word!r} ({where})"
            for word, where in literals(
                CODE / "actions", {"tell", "tell_buyers", "_tell_buyers", "_tell_distributor"}
            )
            if not has_notice(word)
        }
    )
    assert not missing, f"register_notices of web/display.py tells what they say: {missing}"


def test_every_member_of_a_shown_enum_has_a_name(app):
    missing = []
    for module in modules(clinic_orders):
        if not module.__name__.startswith(("clinic_orders.rules", "clinic_orders.models")):
            continue
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, Enum) and kind.__module__ == module.__name__ and name not in NOT_SHOWN:
                missing += [
                    str(member) if not isinstance(member, str) else f"{name}.{member.name}"
                    for member in kind
                    if not has_label(member)
                ]
    assert not missing, f"name them by register_labels, or say in NOT_SHOWN why not: {missing}"


# Templates.


def rendered():
    """(template, where) of every render_template whose template is written out."""
    yield from literals(CODE / "web", {"render_template", "stream_template"})


def test_the_folders_of_templates_are_blueprints_or_shared(app):
    shared = {"layout", "parts", "documents"}
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir()}
    assert folders - shared <= set(app.blueprints), "a folder of templates has the name of its blueprint"


def test_every_rendered_template_exists():
    missing = [f"{where}: {name}" for name, where in rendered() if not (TEMPLATES / name).exists()]
    assert not missing, missing


@pytest.mark.parametrize("folder", sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir()))
def test_no_template_is_left_over(folder):
    """A template is rendered, or extended, imported or included by another, or a kind of paper."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in CODE.rglob("*.py"))
    others = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    unused = []
    for path in sorted((TEMPLATES / folder).rglob("*.html")):
        name = str(path.relative_to(TEMPLATES))
        named = f'"{name}"' in code or f'"{name}"' in others or f"'{name}'" in others
        if not named and not (folder == "documents" and f'"{path.stem}"' in code):
            unused.append(name)
    assert not unused, unused
