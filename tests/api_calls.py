"""Programs that call, for the tests of the API: a token of an account, and calls with it whose answers are checked.

Every answer is held against the document: its status must be declared and its body must fit the schema.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from typing import Any

import jsonschema
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from clinic_orders import clock
from clinic_orders.actions.api_tokens import make_token
from clinic_orders.api.document import document
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.api import ApiToken
from clinic_orders.models.base import db
from clinic_orders.rules.api import SCOPES
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import GRANTS, SYSTEM, Permission

PREFIX = "/api/v1"
_numbers = iter(range(1, 10**9))


@cache
def _document_text() -> str:
    return json.dumps(document("en"))


def token_of(user: User, *scopes: Permission, used: bool = True, days: int = 0) -> str:
    """A token of an account until so many days from now, for the given scopes or for all that its role carries."""
    post = db.session.scalars(select(RoleAssignment).where(RoleAssignment.user_id == user.id)).first()
    assert post is not None
    at = clock.now()
    chosen = scopes or tuple(scope for scope in SCOPES if scope in GRANTS[post.role])
    last_day = day_in_china(at) + timedelta(days=days)
    made = make_token(post.id, "收银台", chosen, last_day, by=SYSTEM, at=at)
    if used:
        # The last use is noted once an hour; a test that counts what a call does is not about that.
        db.session.get_one(ApiToken, made.id).last_used_at = at
        db.session.commit()
    return made.token


class Caller:
    """A program with a token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client = client
        self.token = token

    def headers(self, **more: str) -> dict[str, str]:
        """The token and what else is sent."""
        return {"Authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): value for name, value in more.items()
        }

    def get(self, path: str, *, status: int = 200, **more: str) -> TestResponse:
        """A call that reads."""
        answer = self.client.get(PREFIX + path, headers=self.headers(**more))
        return checked(answer, "get", path, status)

    def post(self, path: str, body: Any, *, status: int = 201, **more: str) -> TestResponse:
        """A call that stores, with a key of its own unless one is given."""
        more.setdefault("Idempotency_Key", f"key-{next(_numbers)}")
        answer = self.client.post(PREFIX + path, json=body, headers=self.headers(**more))
        return checked(answer, "post", path, status)

    def delete(self, path: str, *, status: int = 200, **more: str) -> TestResponse:
        """A call that takes something away."""
        answer = self.client.delete(PREFIX + path, headers=self.headers(**more))
        return checked(answer, "delete", path, status)


def checked(answer: TestResponse, method: str, path: str, status: int) -> TestResponse:
    """The answer, if it is what was expected and what the document promises."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.get_data(as_text=True)}"
    whole = json.loads(_document_text())
    promised = operation_of(whole, method, path)["responses"]
    assert str(status) in promised, f"{method} {path} {status} is not in the document"
    ((content_type, content),) = promised[str(status)]["content"].items()
    assert answer.mimetype == content_type
    schema = content["schema"] | {"components": whole["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.get_json(force=True))
    return answer


def operation_of(whole: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation of the document that an address belongs to."""
    parts = path.partition("?")[0].split("/")
    for pattern, methods in whole["paths"].items():
        wanted = pattern.split("/")
        if (
            method in methods
            and len(wanted) == len(parts)
            and all(want == part or want.startswith("{") for want, part in zip(wanted, parts, strict=True))
        ):
            return dict(methods[method])
    raise AssertionError(f"{method} {path} is not in the document")


def codes(answer: TestResponse) -> dict[str, str]:
    """The refused fields of a problem and their codes, by pointer."""
    return {one["pointer"]: one["code"] for one in answer.get_json(force=True)["errors"]}
