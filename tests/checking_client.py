"""The client of the web tests. It inspects every page that any test fetches, so that no test has to.

    response = client.get("/orders/")          # inspected; fails on a server error, bad HTML, a missing label …
    response.page.h1, response.page.texts("td.number"), response.page.one("form#new")["action"]
    client.post("/orders/", data={…})          # carries the session's CSRF token by itself
    client.submit("form#new", quantity="3")    # fills in and sends a form of the page fetched last
    client.log_in(user)

A request runs as it would in a server: outside the test's application context, with a session of its own.
"""

from __future__ import annotations

import contextvars
import functools
import hashlib
import os
import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import cssselect2
import html5lib
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from html5lib.constants import E as PARSE_ERRORS
from itsdangerous import URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder, TestResponse

from clinic_orders import clock
from clinic_orders.actions.accounts import open_session
from clinic_orders.models.base import db
from clinic_orders.queries.accounts import principal
from tests.statements import writes_while_reading

NOT_LABELLED = {"hidden", "submit", "button", "image", "reset"}
CONTROLS = "input, select, textarea"
_TOKENS = re.compile(r'(?<=name="csrf_token" value=")[^"]+')
_found_right: set[bytes] = set()


class Page:
    """A parsed page, asked with CSS selectors."""

    def __init__(self, html: str, url: str = "") -> None:
        self.html = html
        self.url = url

    @functools.cached_property
    def _parsed(self) -> tuple[list[str], list[cssselect2.ElementWrapper]]:
        """The errors of its HTML, and its elements: a page is asked some thirty times, so they are gone through once."""
        parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
        whole = parser.parse(self.html)
        errors = [
            f"line {line}: {PARSE_ERRORS.get(code, code) % (facts or {})}"
            for (line, _), code, facts in parser.errors
        ]
        return errors, list(cssselect2.ElementWrapper.from_html_root(whole).iter_subtree())

    @property
    def parse_errors(self) -> list[str]:
        """What a strict reader finds wrong with its HTML."""
        return self._parsed[0]

    @functools.cached_property
    def _places(self) -> dict[int, int]:
        return {id(one): place for place, one in enumerate(self._parsed[1])}

    @functools.cached_property
    def _named(self) -> dict[str, list[cssselect2.ElementWrapper]]:
        named: dict[str, list[cssselect2.ElementWrapper]] = {}
        for one in self._parsed[1]:
            named.setdefault(one.local_name, []).append(one)
        return named

    @functools.cached_property
    def _having(self) -> dict[str, list[cssselect2.ElementWrapper]]:
        having: dict[str, list[cssselect2.ElementWrapper]] = {}
        for one in self._parsed[1]:
            for name in one.etree_element.attrib:
                having.setdefault(name, []).append(one)
        return having

    def all(self, selector: str) -> list[Element]:
        """The elements that fit the selector, in the page's order."""
        choices = _choices(selector)
        found = [one for choice in choices for one in self._candidates(choice) if choice.test(one)]
        if len(choices) > 1:
            found = sorted(dict.fromkeys(found), key=lambda one: self._places[id(one)])
        return [Element(one) for one in found]

    def _candidates(self, choice: cssselect2.compiler.CompiledSelector) -> list[cssselect2.ElementWrapper]:
        """Those among which alone one can fit: of its name, or with an id or a class where it asks for one."""
        if choice.local_name is not None:
            return self._named.get(choice.lower_local_name, [])
        if choice.id is not None:
            return self._having.get("id", [])
        if choice.class_name is not None:
            return self._having.get("class", [])
        return self._parsed[1]

    def having(self, attribute: str) -> list[Element]:
        """The elements with an attribute, in the page's order."""
        return [Element(one) for one in self._having.get(attribute, [])]

    def one(self, selector: str) -> Element:
        """The only element that fits the selector; an AssertionError if there is none or more than one."""
        found = self.all(selector)
        assert len(found) == 1, f"{self.url}: {len(found)} elements fit {selector!r}, one was expected"
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """What the fitting elements say."""
        return [element.text for element in self.all(selector)]

    @property
    def h1(self) -> str:
        """The text of the heading."""
        return self.one("h1").text

    @property
    def text(self) -> str:
        """All that the body says."""
        return self.one("body").text


@functools.cache
def _choices(selector: str) -> tuple[cssselect2.compiler.CompiledSelector, ...]:
    """What an element has to fit one of; there may be several, parted by commas."""
    return tuple(
        one
        for one in cssselect2.compile_selector_list(selector)
        if one.pseudo_element is None and not one.never_matches
    )


def _fits(selector: str, element: cssselect2.ElementWrapper) -> bool:
    return any(choice.test(element) for choice in _choices(selector))


class Element:
    """An element of a page: `element["href"]`, `element.get("id")`, `element.text`, `element.all("td")`."""

    def __init__(self, wrapped: cssselect2.ElementWrapper) -> None:
        self.wrapped = wrapped
        self.node = wrapped.etree_element

    def __getitem__(self, name: str) -> str:
        return self.node.attrib[name]

    def get(self, name: str, default: str | None = None) -> str | None:
        """An attribute, if it has it."""
        return self.node.attrib.get(name, default)

    @property
    def attributes(self) -> dict[str, str]:
        """All attributes."""
        return dict(self.node.attrib)

    @property
    def tag(self) -> str:
        """The element's name."""
        return str(self.node.tag)

    @property
    def text(self) -> str:
        """What it says, without its scripts and with single spaces."""
        return " ".join("".join(_words(self.node)).split())

    def all(self, selector: str) -> list[Element]:
        """The elements inside that fit."""
        return [
            Element(one)
            for one in self.wrapped.iter_subtree()
            if one is not self.wrapped and _fits(selector, one)
        ]

    def inside(self, tag: str) -> bool:
        """Whether an element of that name is around it."""
        return any(parent.local_name == tag for parent in self.wrapped.ancestors)


def _words(node: Any) -> list[str]:
    if node.tag in {"script", "style", "template"} or not isinstance(node.tag, str):
        return []
    words = [node.text or ""]
    for child in node:
        words += [*_words(child), child.tail or ""]
    return words


def faults_of_page(html: str, url: str = "", *, whole: bool = True) -> list[str]:
    """What is wrong with a page, or with a fragment of one (`whole=False`), a sentence each."""
    return _faults_of(Page(html if whole else f"<!doctype html><title>-</title><body>{html}", url), whole)


def _faults_of(page: Page, whole: bool) -> list[str]:
    faults = [f"HTML: {error}" for error in page.parse_errors]
    if whole:
        faults += _frame_faults(page)
    faults += _id_faults(page, whole)
    labelled = {label.get("for") for label in page.all("label[for]")}
    for control in page.all(CONTROLS):
        faults += _label_faults(control, labelled)
    for form in page.all("form"):
        faults += _form_faults(form)
    faults += _script_faults(page)
    faults += _content_faults(page)
    return faults


def _frame_faults(page: Page) -> list[str]:
    faults = []
    headings = page.texts("h1")
    titles = page.texts("title")
    if len(headings) != 1:
        faults.append(f"a page has one h1, this has {len(headings)}: {headings}")
    elif not headings[0]:
        faults.append("the h1 says nothing")
    elif not titles or not titles[0].startswith(headings[0]):
        faults.append(f"the title {titles} does not begin with the h1 {headings[0]!r}")
    if not page.one("html").get("lang"):
        faults.append("the html element does not name its language")
    if not page.all('meta[name="viewport"]'):
        faults.append("there is no viewport, so that phones show it tiny")
    if len(page.all("main")) != 1:
        faults.append("a page has one main element, to which the skip link leads")
    return faults


def _id_faults(page: Page, whole: bool) -> list[str]:
    ids = Counter(element["id"] for element in page.having("id"))
    faults = [f"the id {name!r} stands {count} times" for name, count in ids.items() if count > 1]
    faults += ["an id is empty"] if "" in ids else []
    if whole:
        for attribute in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list"):
            for element in page.having(attribute):
                faults += [
                    f"{attribute}={name!r} of <{element.tag}> names no element"
                    for name in element[attribute].split()
                    if name not in ids
                ]
    return faults


def _label_faults(control: Element, labelled: set[str | None]) -> list[str]:
    if control.get("type") in NOT_LABELLED or control.get("aria-label") or control.get("aria-labelledby"):
        return []
    if (control.get("id") or "") in labelled or control.inside("label"):
        return []
    return [f"<{control.tag} name={control.get('name')!r}> has no label"]


def _form_faults(form: Element) -> list[str]:
    faults = []
    if form.get("action") is None:
        faults.append("a form has no action")
    method = (form.get("method") or "get").lower()
    tokens = form.all('input[name="csrf_token"]')
    if method == "post" and (len(tokens) != 1 or not tokens[0].get("value")):
        faults.append(f"the form to {form.get('action')!r} posts without one csrf_token")
    if method == "get" and tokens:
        faults.append(f"the form to {form.get('action')!r} puts its csrf_token into the address")
    return faults


def _script_faults(page: Page) -> list[str]:
    faults = [
        "an inline script, which the security policy forbids"
        for script in page.all("script")
        if not script.get("src") and not (script.get("type") or "").endswith("json")
    ]
    faults += ["a style element, which the security policy forbids" for _ in page.all("style")]
    for element in page.all("*"):
        for name, value in element.node.attrib.items():
            if name == "style" or name.startswith("on"):
                faults.append(f"the attribute {name} of <{element.tag}>, which the security policy forbids")
            if name in {"href", "action"} and value.strip().lower().startswith("javascript:"):
                faults.append(f"a javascript: address in <{element.tag}>")
    for element in page.all("script[src], link[rel=stylesheet], img[src]"):
        address = element.get("src") or element.get("href") or ""
        if urlsplit(address).netloc:
            faults.append(f"{address} comes from another machine")
    return faults


def _content_faults(page: Page) -> list[str]:
    faults = [
        f"the picture {image.get('src')!r} has no alt"
        for image in page.all("img")
        if image.get("alt") is None
    ]
    for element in page.all("a[href], button"):
        named = element.text or element.get("aria-label") or any(i.get("alt") for i in element.all("img"))
        if not named:
            faults.append(f"<{element.tag} {element.attributes}> says nothing")
    body = page.all("body")
    words = body[0].text if body else ""
    faults += [
        f"an unfilled place {place!r}" for place in re.findall(r"%\(\w+\)[sd]|\{\{.*?\}\}|\{%.*?%\}", words)
    ]
    return faults


def faults_of_headers(response: TestResponse) -> list[str]:
    """What is wrong with the security policy of an answer."""
    policy = response.headers.get("Content-Security-Policy", "")
    if not policy:
        return ["no Content-Security-Policy"]
    return [
        f"the security policy allows {word}"
        for word in ("'unsafe-inline'", "'unsafe-eval'", "http:")
        if word in policy
    ]


class CheckingClient(FlaskClient):
    """Flask's test client that inspects what it fetches."""

    page: Page | None = None

    def __enter__(self) -> CheckingClient:
        raise AssertionError(
            "Requests run in a context of their own; ask the response or session_transaction()."
        )

    def open(self, *args: Any, status: int | None = None, **kwargs: Any) -> TestResponse:
        """Fetch and inspect; `status` also asserts the answer's status."""
        self._carry_token(args, kwargs)
        if has_app_context():
            # What the test did so far must be visible to the request, and what the request did to the test.
            db.session.commit()
        before = len(writes_while_reading)
        response: TestResponse = contextvars.Context().run(super().open, *args, **kwargs)
        if has_app_context():
            db.session.expire_all()
        written = writes_while_reading[before:]
        del writes_while_reading[before:]
        where = f"{response.request.method} {response.request.full_path.rstrip('?')} → {response.status}"
        # Who is asked to come back later was answered as it should be.
        assert response.status_code < 500 or "Retry-After" in response.headers, (
            f"{where}\n{response.get_data(as_text=True)[:2000]}"
        )
        assert not written, f"{where}: a page that only reads has written: {written}"
        foreign = [name for name, value in response.headers if not value.isascii()]
        assert not foreign, f"{where}: {foreign} have letters that servers refuse to send"
        self._inspect(response, where)
        if status is not None:
            assert response.status_code == status, (
                f"{where}, {status} was expected\n{self._words_of(response)}"
            )
        return response

    def submit(
        self,
        selector: str = "main form",
        *,
        button: str | None = None,
        follow_redirects: bool = False,
        **changes: Any,
    ) -> TestResponse:
        """Send a form of the page fetched last as a browser would: its own values, then `changes`.

        Args:
            selector: which form; there must be one that fits.
            button: the name=value of the button pressed, "name=value" or "name".
            follow_redirects: go on to where the answer points.
            changes: fields set otherwise; a list for several values, None takes the field away.
        """
        assert self.page is not None, "no page has been fetched yet"
        form = self.page.one(selector)
        data = MultiDict(_values_of(form))
        for name, value in changes.items():
            known = {field.get("name") for field in form.all("input, select, textarea, button")}
            assert name in known, f"the form has no field {name!r}, only {sorted(filter(None, known))}"
            data.poplist(name)
            if value is not None:
                data.setlist(name, value if isinstance(value, list) else [value])
        if button:
            name, _, value = button.partition("=")
            data.setlist(name, [value])
        address = form["action"] or self.page.url
        method = (form.get("method") or "get").upper()
        if method == "GET":
            return self.get(address, query_string=data, follow_redirects=follow_redirects)
        files = (form.get("enctype") or "") == "multipart/form-data"
        kind = "multipart/form-data" if files else None
        return self.post(address, data=data, content_type=kind, follow_redirects=follow_redirects)

    def log_in(self, user: Any, assignment: Any = None) -> None:
        """Be this person, without the log-in page; in the organisation of `assignment`, else of their first."""
        chosen = assignment.id if assignment is not None else None
        with self.application.app_context():
            found = principal(user.id, chosen, on=clock.today())
            device = "" if found is None else open_session("", by=found.actor, at=clock.now())
        assert found is not None, f"{user} cannot log in: closed, or nothing in any organisation today"
        seconds = int(clock.now().timestamp())
        with self.session_transaction() as session:
            session.clear()
            session.update(_user_id=str(user.id), _fresh=True, since=seconds, seen=seconds, keep=True)
            session.update(epoch=found.session_epoch, assignment=found.assignment_id, device=device)

    def log_out(self) -> None:
        """Be nobody."""
        with self.session_transaction() as session:
            session.clear()

    def csrf_token(self) -> str:
        """A token that the application accepts from this client."""
        with self.session_transaction() as session:
            raw = session.setdefault("csrf_token", hashlib.sha256(os.urandom(32)).hexdigest())
        secret = self.application.secret_key
        return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw))

    def _carry_token(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        request = args[0] if args else None
        method = request.method if isinstance(request, EnvironBuilder) else kwargs.get("method", "GET")
        if method in {"GET", "HEAD", "OPTIONS"} or isinstance(request, EnvironBuilder):
            return
        headers = dict(kwargs.get("headers") or {})
        if "X-CSRFToken" not in headers and kwargs.pop("token", True):
            kwargs["headers"] = {**headers, "X-CSRFToken": self.csrf_token()}

    def _inspect(self, response: TestResponse, where: str) -> None:
        if response.mimetype != "text/html" or 300 <= response.status_code < 400:
            return
        fragment = response.request.headers.get("HX-Request") == "true"
        html = response.get_data(as_text=True)
        page = Page(html, response.request.path)
        # The same page but for its tokens was found right before; most refusals are.
        same = hashlib.sha256(f"{fragment} {_TOKENS.sub('-', html)}".encode()).digest()
        faults = faults_of_headers(response)
        if same not in _found_right:
            faults += faults_of_page(html, where, whole=False) if fragment else _faults_of(page, whole=True)
        assert not faults, f"{where}\n  " + "\n  ".join(faults)
        _found_right.add(same)
        self.page = response.page = page

    @staticmethod
    def _words_of(response: TestResponse) -> str:
        page = getattr(response, "page", None)
        return page.text[:1500] if page else response.get_data(as_text=True)[:1500]


def _values_of(form: Element) -> list[tuple[str, str]]:
    values = []
    for field in form.all(CONTROLS):
        name, kind = field.get("name"), (field.get("type") or "text").lower()
        if (
            not name
            or field.get("disabled") is not None
            or kind in {"submit", "button", "image", "reset", "file"}
        ):
            continue
        if field.tag == "select":
            options = field.all("option")
            chosen = [option for option in options if option.get("selected") is not None]
            if not chosen and field.get("multiple") is None:
                chosen = options[:1]
            values += [(name, option.get("value", option.text) or "") for option in chosen]
        elif field.tag == "textarea":
            values.append((name, "".join(field.node.itertext())))
        elif kind not in {"checkbox", "radio"}:
            values.append((name, field.get("value") or ""))
        elif field.get("checked") is not None:
            values.append((name, field.get("value") or "on"))
    return values


def use_checking_client(app: Flask) -> None:
    """Make app.test_client() a checking one."""
    app.test_client_class = CheckingClient
