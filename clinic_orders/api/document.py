"""The document of the calls, OpenAPI 3.1, made from their declarations (formats.md section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask_babel import force_locale, gettext

from clinic_orders.api.door import OPERATIONS, PREFIX, Operation
from clinic_orders.api.problems import CONTENT_TYPE, TITLES
from clinic_orders.exchange.api_shapes import (
    BATCH,
    FINDING,
    ITEM,
    LINES,
    ORDER_HEAD,
    ORDER_LINE,
    PAYMENT,
    SHIPMENT,
)
from clinic_orders.exchange.schemas import Shape, nested
from clinic_orders.exchange.webhook_shapes import ATTEMPT, DELIVERY, WEBHOOK
from clinic_orders.rules.api import LONGEST_KEY
from clinic_orders.rules.errors import N_

TITLE: Final = N_("Clinic Orders for other programs")
ABOUT: Final = N_(
    "Every call carries a token made by the operator: Authorization: Bearer …. It may do what its account may, narrowed "
    "to the scopes of the token; what is another organisation's does not exist for it (404)."
)
_NO: Final = N_("Number of the record")
_KEY: Final = N_("Another one for every matter; the same call with the same key gets the stored answer")
_VERSION: Final = N_("The ETag of what was read")
_MONTH: Final = N_("The month, YYYY-MM")
_EVENT: Final = N_("Id of the event")
_OF_NAMES: Final = {"month": _MONTH, "event": _EVENT}
_PARTS: Final = (BATCH, FINDING, ITEM, ORDER_HEAD, ORDER_LINE, PAYMENT, SHIPMENT, WEBHOOK, ATTEMPT, DELIVERY)
_ALWAYS: Final = frozenset({400, 401, 403, 422, 429, 503})
"""Any call may be answered so; 503 while the database is looked after."""
_NAMES: Final = re.compile(r"\{(\w+)\}")

_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "request"],
}


def document(language: str) -> dict[str, Any]:
    """The document in a language: what is said in words differs, everything else does not."""
    with force_locale(language):
        paths: dict[str, dict[str, Any]] = {}
        for operation in OPERATIONS:
            paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
        return {
            "openapi": "3.1.0",
            "info": {"title": gettext(TITLE), "version": "1", "description": gettext(ABOUT)},
            "servers": [{"url": PREFIX}],
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
                "schemas": {"Problem": _PROBLEM} | nested(_shapes()),
            },
        }


def _shapes() -> Iterable[Shape]:
    yield from _PARTS
    yield from LINES
    for operation in OPERATIONS:
        yield operation.answer
        if operation.body is not None:
            yield operation.body


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": gettext(operation.summary),
        "x-scope": operation.permission.value,
        "parameters": [*_names(operation), *_query(operation), *_headers(operation)],
        "requestBody": _body(operation),
        "responses": _responses(operation),
    }
    return {name: value for name, value in found.items() if value}


def _names(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": gettext(_OF_NAMES.get(name, _NO)),
            "schema": {"type": "string"},
        }
        for name in _NAMES.findall(operation.path)
    ]


def _query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    return [
        {
            "name": one.name,
            "in": "query",
            "required": one.required,
            "description": one.label,
            "schema": dict(one.value.schema),
        }
        for one in operation.query.fields
    ]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    found = []
    if operation.body is not None:
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
        found.append(_header("Idempotency-Key", gettext(_KEY), schema))
    if operation.changes:
        found.append(
            _header("If-Match", gettext(_VERSION), {"type": "string", "pattern": '^"v[1-9][0-9]{0,8}"$'})
        )
    return found


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}


def _body(operation: Operation) -> dict[str, Any]:
    if operation.body is None:
        return {}
    schema = {"$ref": f"#/components/schemas/{operation.body.name}"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _responses(operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {
        "description": "OK",
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{operation.answer.name}"}}
        },
    }
    if operation.gives_version:
        good["headers"] = {"ETag": {"schema": {"type": "string"}}}
    found: dict[str, Any] = {str(operation.status): good}
    for status in sorted(_ALWAYS | operation.refusals):
        refused: dict[str, Any] = {
            "description": gettext(TITLES[status]),
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status == 429:
            refused["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        found[str(status)] = refused
    return found
