"""The guard that inspects every page must itself see what it claims to see."""

from datetime import UTC, datetime

import pytest
from flask import Flask, redirect, request
from flask_wtf.csrf import CSRFProtect, generate_csrf

from clinic_orders.actions.transaction import transaction
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from clinic_orders.web.guards import public
from tests.checking_client import Page, faults_of_page, use_checking_client

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = (
    '<!doctype html><html lang="zh"><head><title>订单 · 三进</title><meta name="viewport" content="width=device-width">'
    '<link rel="stylesheet" href="/static/kit.css"></head><body><main><h1>订单</h1>{}</main></body></html>'
)


def test_a_sound_page_has_no_faults():
    body = '<form action="/x" method="post"><input type="hidden" name="csrf_token" value="t"><label>数量 <input name="q"></label></form>'
    assert faults_of_page(GOOD.format(body)) == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("<h1>另一个</h1>", "one h1"),
        ("<p id=a></p><p id=a></p>", "stands 2 times"),
        ("<input name=q>", "has no label"),
        ("<label for=nowhere>数量</label>", "names no element"),
        ('<form method="get"></form>', "no action"),
        ('<form action="/x" method="post"></form>', "csrf_token"),
        ('<form action="/x"><input type=hidden name=csrf_token value=t></form>', "into the address"),
        ("<script>alert(1)</script>", "inline script"),
        ("<p onclick='x()'>x</p>", "onclick"),
        ("<p style='color:red'>x</p>", "style of <p>"),
        ("<style>p{}</style>", "style element"),
        ("<a href='javascript:x()'>x</a>", "javascript:"),
        ("<script src='https://elsewhere.example/x.js'></script>", "another machine"),
        ("<img src='/x.png'>", "no alt"),
        ("<button><svg></svg></button>", "says nothing"),
        ("<p>%(name)s</p>", "unfilled place"),
        ("<p><div>x</div></p>", "HTML:"),
    ],
)
def test_a_fault_on_a_page_is_seen(body, word):
    faults = faults_of_page(GOOD.format(body))
    assert any(word in fault for fault in faults), faults


def test_a_missing_frame_is_seen():
    faults = "\n".join(faults_of_page("<!doctype html><title>甲</title><h1>乙</h1>"))
    for word in ("does not begin with", "language", "viewport", "main element"):
        assert word in faults


def test_a_page_is_asked_by_selectors():
    page = Page(GOOD.format('<ul><li class="a">一 <b>二</b></li><li>三</li></ul>'))
    assert page.h1 == "订单"
    assert page.texts("li.a") == ["一 二"]
    with pytest.raises(AssertionError, match="2 elements fit"):
        page.one("li")


@pytest.fixture
def small_client():
    """A tiny application of two pages, protected as ours is."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", TESTING=True)
    CSRFProtect(app)
    app.after_request(
        lambda answer: answer.headers.set("Content-Security-Policy", "default-src 'self'") or answer
    )

    @app.route("/", methods=["GET", "POST"])
    def form():
        if request.method == "POST":
            return redirect(
                f"/said?word={'-'.join(request.form.getlist('word'))}&button={request.form.get('b')}"
            )
        token = f'<input type="hidden" name="csrf_token" value="{generate_csrf()}">'
        fields = '<label>词 <input name="word" value="old"></label><button name="b" value="1">好</button>'
        return GOOD.format(f'<form action="" method="post">{token}{fields}</form>')

    @app.get("/said")
    def said():
        return GOOD.format(f"<p>{request.args['word']} {request.args['button']}</p>")

    @app.get("/bad")
    def bad():
        return "<p>no frame</p>"

    use_checking_client(app)
    return app.test_client()


def test_a_form_is_sent_as_a_browser_would_and_redirects_are_followed(small_client):
    small_client.get("/")
    answer = small_client.submit("form", button="b=1", follow_redirects=True)
    assert "old 1" in answer.page.text
    small_client.get("/")
    assert small_client.submit("form", word=["a", "b"]).location == "/said?word=a-b&button=None"


def test_a_field_that_the_form_does_not_have_cannot_be_sent(small_client):
    small_client.get("/")
    with pytest.raises(AssertionError, match="no field 'wrod'"):
        small_client.submit("form", wrod="x")


def test_a_post_carries_the_token_unless_told_not_to(small_client):
    assert small_client.post("/", data={"word": "x"}).status_code == 302
    with pytest.raises(AssertionError, match="400"):
        small_client.post("/", data={"word": "x"}, token=False, status=302)


def test_a_bad_page_fails_the_test_that_fetches_it(small_client):
    with pytest.raises(AssertionError, match="one h1"):
        small_client.get("/bad")


def test_a_reading_page_that_writes_fails_the_test_that_fetches_it(committed_app):
    # An application of this test's own: the shared one would keep the page for every later test.
    def write():
        db.session.execute(db.text("UPDATE county SET name = name"))
        return redirect("/")

    committed_app.view_functions["writes_though_it_reads"] = public(write)
    committed_app.url_map.add(
        committed_app.url_rule_class("/test/writes", endpoint="writes_though_it_reads", methods=["GET"])
    )
    with pytest.raises(AssertionError, match="has written"):
        committed_app.test_client().get("/test/writes")


def test_a_logged_in_person_opens_what_is_closed_to_strangers(app, client):
    with transaction():
        person = User(username="bureau", name="赵敏", password_hash="-", created_at=MOMENT)
        person.assignments.append(RoleAssignment(role=Role.CITY, valid_from=MOMENT.date()))
        db.session.add(person)
    client.log_in(person)
    assert client.get("/account/password", status=200).page.h1 == "改密码"
    client.log_out()
    client.get("/account/password", status=302)
