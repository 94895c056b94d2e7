"""A call: who calls, what the address and the body say, the answer. Every call is declared with ``reads`` or ``stores`` and listed.

What is declared is what is read, what is checked and what the document says (``document``); there is no second list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from clinic_orders.actions.api_answers import Answered, once
from clinic_orders.actions.api_tokens import note_token_used
from clinic_orders.actions.transaction import end_reading
from clinic_orders.api.limits import count_call
from clinic_orders.api.problems import answer_for
from clinic_orders.exchange.schemas import FieldUnknown, Shape
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.troubles import trouble_of
from clinic_orders.queries.accounts import principal
from clinic_orders.queries.api_tokens import KnownToken, known_token
from clinic_orders.queries.remembered import learn
from clinic_orders.rules.accounts import token_digest
from clinic_orders.rules.api import (
    NOTED_AGAIN_AFTER,
    BodyNotUnderstood,
    FieldsWrong,
    ScopeNotCarried,
    TokenNotValid,
    VersionMissing,
    VersionNotUnderstood,
    acting_name,
    check_key,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, Permission

PREFIX: Final = "/api/v1"
LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes; 5,000 lines of sales with ten trace codes each have 2 MB."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call is answered: the body, the status, the version of the record for ETag, its address.

    ``once`` are fields that only the first answer has: a secret is not kept for the same call sent again.
    """

    body: Mapping[str, Any]
    status: int = 200
    version: int | None = None
    location: str = ""
    once: Mapping[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        found = {}
        if self.version is not None:
            found["ETag"] = etag_of(self.version)
        if self.location:
            found["Location"] = self.location
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for.

    Attributes:
        actor: in whose name.
        at: the instant of the call.
        values: of the address's query or of the body.
        assignment_id: the account in its organisation.
        scopes: what the token carries.
        key: of a deed that is done once; the same for the same call.
        seen_version: which the caller has read, where the call changes a record.

    """

    actor: Actor
    at: datetime
    values: Mapping[str, Any]
    assignment_id: int
    scopes: frozenset[Permission]
    key: str = ""
    seen_version: int | None = None

    @property
    def on(self) -> date:
        """The day in Asia/Shanghai."""
        return day_in_china(self.at)


Doing = Callable[..., Reply]
"""What does a call: it gets an ``Asked`` and the names in the address."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call as it is declared with ``reads``, ``stores`` or ``removes``.

    Attributes:
        method: of HTTP.
        path: the address behind the prefix, with ``{names}``.
        permission: what account and token must carry.
        summary: what it does, in a few words.
        answer: of what the answer consists.
        do: what does it.
        query: what may stand behind the question mark.
        body: of what the call consists.
        status: of the answer.
        changes: whether it changes a record that was read: then the call says by If-Match which version it has seen.
        gives_version: whether the answer has an ETag.
        refusals: statuses beside those that every such call can have.
        when_refused: what is still to be done where the call was refused, after everything that it did is undone.

    """

    method: str
    path: str
    permission: Permission
    summary: str
    answer: Shape
    do: Doing
    query: Shape | None = None
    body: Shape | None = None
    status: int = 200
    changes: bool = False
    gives_version: bool = False
    refusals: frozenset[int] = frozenset()
    when_refused: Callable[[Asked, RuleBroken], None] | None = None

    @property
    def name(self) -> str:
        """Its name in the document, and its endpoint."""
        return self.do.__name__

    @property
    def rule(self) -> str:
        """The address as Flask writes it."""
        return self.path.replace("{", "<").replace("}", ">")


OPERATIONS: Final[list[Operation]] = []


def _declaring(operation: Callable[[Doing], Operation]) -> Callable[[Doing], Doing]:
    """A decorator that lists what an operation does as the operation that it makes of it."""

    def declare(do: Doing) -> Doing:
        OPERATIONS.append(operation(do))
        return do

    return declare


def reads(
    path: str,
    permission: Permission,
    summary: str,
    *,
    answer: Shape,
    query: Shape | None = None,
    gives_version: bool = False,
    refusals: frozenset[int] = frozenset(),
) -> Callable[[Doing], Doing]:
    """Declare a call that only reads; what is said of it stands at ``Operation``."""
    return _declaring(
        lambda do: Operation(
            "GET",
            path,
            permission,
            summary,
            answer,
            do,
            query,
            gives_version=gives_version,
            refusals=refusals,
        )
    )


def stores(
    path: str,
    permission: Permission,
    summary: str,
    *,
    body: Shape,
    answer: Shape,
    status: int = 201,
    changes: bool = False,
    refusals: frozenset[int] = frozenset(),
    when_refused: Callable[[Asked, RuleBroken], None] | None = None,
) -> Callable[[Doing], Doing]:
    """Declare a call that stores something; what is said of it stands at ``Operation``.

    It is done once for each Idempotency-Key, in one transaction with its answer.
    """
    more = {409, 413, 415} | ({404, 412, 428} if changes else set())
    return _declaring(
        lambda do: Operation(
            "POST",
            path,
            permission,
            summary,
            answer,
            do,
            body=body,
            status=status,
            changes=changes,
            gives_version=changes,
            refusals=refusals | more,
            when_refused=when_refused,
        )
    )


def removes(path: str, permission: Permission, summary: str, *, answer: Shape) -> Callable[[Doing], Doing]:
    """Declare a call that takes a record away: done twice it does the same as once, so it needs no Idempotency-Key."""
    refusals = frozenset({404})
    return _declaring(
        lambda do: Operation("DELETE", path, permission, summary, answer, do, refusals=refusals)
    )


def etag_of(version: int) -> str:
    """The ETag of a record's version."""
    return f'"v{version}"'


def _token() -> str:
    """The token that the call carries, or "": nothing else than Bearer is looked at."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.casefold() == "bearer" else ""


def _enter(operation: Operation) -> tuple[Actor, KnownToken]:
    """Who calls; counted, and noted as the token's last use.

    Raises:
        TokenNotValid: nobody that we know.
        TooManyCalls: too often.
        ScopeNotCarried, NotAllowed: somebody who may not do this.

    """
    given = _token()
    token = actor = None
    # As for pages: who asks is read before a deed takes the writer's place, and without it.
    with reading_only():
        if given:
            token = known_token(token_digest(given), at=g.now)
        if token is not None:
            found = principal(token.user_id, token.assignment_id, on=day_in_china(g.now))
            if found is not None:
                actor = replace(found.actor, name=acting_name(found.actor.name, token.name, token.mark))
                if request.method == "GET":
                    learn(found.stamps)
        if request.method != "GET":
            end_reading()
    if token is None or actor is None:
        count_call(request.remote_addr or "", stranger=True)
        raise TokenNotValid
    count_call(str(token.id))
    g.actor = actor
    if token.last_used_at is None or g.now - token.last_used_at >= NOTED_AGAIN_AFTER:
        _note_use(token, actor)
    actor.need(operation.permission)
    if operation.permission not in token.scopes:
        raise ScopeNotCarried(scope=operation.permission.value)
    return actor, token


def _note_use(token: KnownToken, actor: Actor) -> None:
    """Note it where the database can write just now; a call that only reads does not fail for it."""
    end_reading()
    try:
        note_token_used(token.id, by=actor, at=g.now)
    except DBAPIError as error:
        if trouble_of(error) is None:
            raise
        db.session.rollback()


def _query(shape: Shape | None) -> dict[str, Any]:
    """What stands behind the question mark.

    Raises:
        FieldsWrong: something unknown, said twice, or not right.

    """
    fields = {} if shape is None else {one.name: one for one in shape.fields}
    given: dict[str, str] = {}
    problems: dict[str, RuleBroken] = {}
    for name, values in request.args.lists():
        if name not in fields or len(values) > 1:
            problems[f"?{name[:64]}"] = FieldUnknown()
        elif values[0]:
            given[name] = values[0]
    found = {}
    for name, one in fields.items():
        if name in given:
            found[name] = one.value.read(given[name], f"?{name}", problems)
        else:
            found[name] = one.value.absent
    if problems:
        raise FieldsWrong(problems)
    return found


def _view(operation: Operation) -> Callable[..., Response]:
    """The view of an operation."""

    def view(**names: Any) -> Response:
        actor, token = _enter(operation)
        query = _query(operation.query)
        if operation.body is not None:
            return _store(operation, operation.body, actor, token, names)
        reply = operation.do(Asked(actor, g.now, query, token.assignment_id, token.scopes), **names)
        return _answer(dict(reply.body), reply.status, reply.headers)

    view.__name__ = operation.name
    # The table of access shows it; no session opens it, only a token (web/guards.py).
    view.__guard__ = operation.permission  # type: ignore[attr-defined]
    view.__bearer__ = True  # type: ignore[attr-defined]
    return view


def _store(
    operation: Operation, body: Shape, actor: Actor, token: KnownToken, names: Mapping[str, Any]
) -> Response:
    """Do a call that stores something, or give the answer that it has had."""
    key = check_key(request.headers.get("Idempotency-Key", ""))
    request.max_content_length = LARGEST_BODY
    if request.mimetype != "application/json":
        abort(415)
    raw = request.get_data()
    digest = sha256(b"\n".join((request.method.encode(), request.path.encode(), raw))).hexdigest()
    asked = Asked(
        actor,
        g.now,
        body.read(_object(raw)),
        token.assignment_id,
        token.scopes,
        key=sha256(f"{token.assignment_id} {key}".encode()).hexdigest(),
        seen_version=_seen() if operation.changes else None,
    )

    shown: dict[str, Any] = {}

    def do() -> Answered:
        reply = operation.do(asked, **names)
        shown.update(reply.once)
        return Answered(reply.status, dict(reply.body), reply.headers)

    try:
        found = once(key, digest, do, assignment_id=token.assignment_id, by=actor, at=g.now)
    except RuleBroken as refused:
        if operation.when_refused is not None:
            operation.when_refused(asked, refused)
        raise
    again = {"Idempotent-Replayed": "true"} if found.again else {}
    return _answer({**found.body, **shown}, found.status, {**found.headers, **again})


def _object(raw: bytes) -> Any:
    """The body as JSON.

    Raises:
        BodyNotUnderstood: it is none, or has numbers that JSON has not.

    """
    try:
        found = json.loads(raw.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BodyNotUnderstood from error
    if not isinstance(found, dict):
        raise BodyNotUnderstood
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


_ETAG: Final = re.compile(r'"v([1-9][0-9]{0,8})"')


def _seen() -> int:
    """The version that the caller has read.

    Raises:
        VersionMissing: it does not say.
        VersionNotUnderstood: it says something else.

    """
    typed = request.headers.get("If-Match", "").strip()
    if not typed:
        raise VersionMissing
    found = _ETAG.fullmatch(typed)
    if found is None:
        raise VersionNotUnderstood(typed=typed[:64])
    return int(found[1])


def _answer(body: Any, status: int, headers: Mapping[str, str]) -> Response:
    answer = Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, content_type="application/json"
    )
    answer.headers.update(headers)
    return answer


def make_blueprint(app: Flask) -> Blueprint:
    """The calls as endpoints of an application."""
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    for operation in OPERATIONS:
        blueprint.add_url_rule(
            operation.rule,
            operation.name,
            _view(operation),
            methods=[operation.method],
            provide_automatic_options=False,
        )
    kinds: tuple[type[Exception], ...] = (RuleBroken, HTTPException, DBAPIError, PoolTimeoutError)
    for kind in kinds if app.testing else (*kinds, Exception):
        blueprint.register_error_handler(kind, answer_for)
    return blueprint


def number(text: str) -> str:
    """A number in an address; 404 where no record can have it."""
    if len(text) > 64 or not text.isprintable():
        abort(404)
    return text
