"""The document as JSON, and the pages that explain it: of our own making, without a script (formats.md section 5)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from flask_babel import get_locale, gettext

from clinic_orders.api.document import ABOUT, TITLE, document
from clinic_orders.api.limits import count_call
from clinic_orders.api.problems import TITLES, language, status_of
from clinic_orders.rules.errors import RuleBroken

blueprint = Blueprint("api_docs", __name__)


def _public(view: Any) -> Any:
    view.__guard__ = "public"
    return view


@blueprint.get("/api/v1/openapi.json")
@_public
def openapi() -> Response:
    """The document for programs, in the language of Accept-Language."""
    count_call(request.remote_addr or "", stranger=True)
    return jsonify(document(language()))


@blueprint.get("/api/docs")
@_public
def show() -> str:
    """The calls for people."""
    whole = document(str(get_locale()))
    calls = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    ]
    return render_template(
        "api_docs/show.html",
        title=gettext(TITLE),
        about=gettext(ABOUT),
        server=whole["servers"][0]["url"],
        calls=calls,
        schemas=whole["components"]["schemas"],
        word=type_word,
    )


def type_word(schema: dict[str, Any]) -> str:
    """A type in a few letters: ``string``, ``integer | null``, ``Order[]``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(type_word(one) for one in schema["anyOf"])
    kind = schema.get("type", "")
    if kind == "array":
        return type_word(schema["items"]) + "[]"
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


class _Open(dict[str, str]):
    """What is filled in where it is not known what it is about."""

    def __missing__(self, name: str) -> str:
        return "…"


_OPEN = _Open()


def refusals() -> list[type[RuleBroken]]:
    """Every refusal that the program knows, by name."""
    found: dict[str, type[RuleBroken]] = {}
    waiting = [RuleBroken]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind.__module__.startswith("clinic_orders."):
                found[kind.__name__] = kind
                waiting.append(kind)
    return [found[name] for name in sorted(found)]


@blueprint.get("/api/docs/problems")
@_public
def problems() -> str:
    """What each type of problem means."""
    rows = [
        (kind.__name__, status, gettext(TITLES.get(status, "")), gettext(kind.message) % _OPEN)
        for kind in refusals()
        for status in [_status(kind)]
    ]
    return render_template("api_docs/problems.html", rows=rows)


def _status(kind: type[RuleBroken]) -> int:
    """The status of a class of refusals: it depends on nothing else."""
    return status_of(kind.__new__(kind))
