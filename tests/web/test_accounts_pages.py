"""Log-in, more, notices, help, accounts and history as pages."""

from __future__ import annotations

import pytest

from clinic_orders.actions import accounts, notices
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.rules.parties import SYSTEM, Role
from tests.people import NOW, PASSWORD, SONG, make_people, make_user

BUREAUS = (Role.COUNTY, Role.CITY, Role.OPERATOR)
EVERYBODY = tuple(role for role in Role if role is not Role.SYSTEM)


@pytest.fixture
def people(app):
    return make_people()


def log_in(client, username="V01", password=PASSWORD, **more):
    client.get("/account/log-in", status=200)
    return client.submit("main form", username=username, password=password, **more)


def test_the_start_leads_a_stranger_to_the_log_in_page(client, people):
    assert client.get("/", status=302).location == "/account/log-in"


def test_one_logs_in_with_the_institutions_code_and_comes_to_the_page_that_was_wanted(client, people):
    answer = client.get("/more", status=302)
    assert answer.location == "/account/log-in?next=/more"
    client.get(answer.location, status=200)
    answer = client.submit("main form", username=" ｖ01", password=PASSWORD)
    assert (answer.status_code, answer.location) == (302, "/more")
    assert client.get("/more", status=200).page.h1 == "更多"


@pytest.mark.parametrize(("username", "password"), [("V01", "falsch-falsch"), ("nobody", PASSWORD)])
def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(client, people, username, password):
    answer = log_in(client, username, password)
    assert answer.status_code == 401
    assert answer.page.texts(".error-summary li") == [
        "登录名或密码不对。请看看大小写，再试一次；连续错 5 次，账号会锁 15 分钟。"
    ]
    assert answer.page.one("#username")["value"] == username


@pytest.mark.parametrize("username", ["V01", "nobody"])
def test_five_wrong_passwords_lock_a_name_whether_it_exists_or_not(client, people, username):
    answers = [log_in(client, username, "falsch-falsch").page.text for _ in range(6)]
    locked = [("账号锁" in answer, "登录名或密码不对" in answer) for answer in answers]
    assert locked[:4] == [(False, True)] * 4
    assert locked[5] == (True, False)


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "evil"])
def test_nobody_is_sent_to_another_site_after_logging_in(client, people, target):
    client.get("/account/log-in", query_string={"next": target}, status=200)
    assert client.submit("main form", username="V01", password=PASSWORD).location == "/"


def test_the_session_is_a_new_one_after_logging_in(client, people):
    with client.session_transaction() as session:
        session.update(language="en", planted="by somebody")
    log_in(client)
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session["language"] == "en"


def test_too_many_tries_from_one_address_are_answered_with_a_page(client, people, app):
    for _ in range(30):
        client.post("/account/log-in", data={"username": "x", "password": "y"})
    answer = client.post("/account/log-in", data={"username": "x", "password": "y"}, status=429)
    assert answer.page.h1 == "试的次数太多"


def test_a_form_without_its_token_is_refused_with_a_page(client, people):
    answer = client.post("/account/log-in", data={"username": "V01"}, token=False)
    assert answer.status_code == 400
    assert answer.page.h1 == "这一页开得太久了"


def test_a_first_password_must_be_changed_before_anything_else(client, people):
    make_user("13800000009", Role.CITY, must_change_password=True)
    assert log_in(client, "13800000009").location == "/account/password?next=/"
    assert client.get("/more", status=302).location == "/account/password"
    client.get("/account/password", status=200)
    answer = client.submit(
        "main form[action='/account/password']", old=PASSWORD, new="x13800000009x", again="x13800000009x"
    )
    assert answer.status_code == 400
    assert "密码里有登录名" in answer.page.text
    answer = client.submit(
        "main form[action='/account/password']",
        old=PASSWORD,
        new="秋分种麦，正当时",
        again="秋分种麦，正当时",
    )
    assert answer.status_code == 302
    assert client.get("/more", status=200)


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(client, people, app):
    other = app.test_client()
    other.log_in(people.users[Role.CITY])
    assert other.get("/more", status=200)
    log_in(client, "13800000002")
    client.get("/account/password", status=200)
    client.submit("main form", old=PASSWORD, new="秋分种麦，正当时", again="秋分种麦，正当时")
    client.get("/more", status=200)
    answer = other.get("/more", status=302)
    assert "why=ended" in answer.location
    assert "已经退出登录" in other.get(answer.location, status=200).page.text


def test_one_person_in_two_organisations_chooses_and_the_switch_is_in_the_history(client, people):
    user = people.users[Role.CITY]
    second = accounts.assign_role(user.id, Role.COUNTY, county_code=SONG, by=SYSTEM, at=NOW)
    assert log_in(client, user.username).location == "/account/organisation?next=/"
    page = client.get("/account/organisation", status=200).page
    assert page.texts("main form button") == ["全市 · 市医保局 · 现在", "嵩县 · 县（区）医保局"]
    client.submit("main form", button=f"assignment={second}")
    client.get("/audit/", status=200)
    assert client.page.texts("tbody th")[0] == "换单位办事"


def test_nobody_takes_an_organisation_that_is_not_theirs(client, people):
    client.log_in(people.users[Role.INSTITUTION])
    foreign = people.users[Role.CITY].assignments[0].id
    client.post("/account/organisation", data={"assignment": foreign}, status=404)
    assert client.get("/accounts/").status_code == 403


def test_language_and_letters_are_remembered_with_the_account(client, people):
    client.log_in(people.users[Role.INSTITUTION])
    client.post("/account/language", data={"locale": "en", "next": "/more"}, status=302)
    client.post("/account/big-print", data={"big_print": "1", "next": "/more"}, status=302)
    page = client.get("/more", status=200).page
    assert (page.h1, page.one("html")["class"]) == ("More", "big-print")
    user = db.session.get(User, people.users[Role.INSTITUTION].id)
    assert (user.language, user.big_print) == ("en", True)


def test_the_foot_of_every_page_changes_the_language_there_and_back(client, people):
    client.log_in(people.users[Role.CITY])
    client.get("/files/", status=200)
    client.submit('footer form[action$="/language"]', button="locale=en", follow_redirects=True)
    assert client.page.h1 == "Import and export files"
    client.submit('footer form[action$="/language"]', button="locale=zh_CN", follow_redirects=True)
    assert client.page.h1 == "文件导入与导出"


def test_logging_out_leads_to_the_log_in_page_and_drops_the_session(client, people):
    client.log_in(people.users[Role.INSTITUTION])
    assert client.post("/account/log-out", status=302).location == "/account/log-in?why=left"
    assert client.get("/more", status=302).location == "/account/log-in?next=/more"


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("path", ["/more", "/notices", "/help", "/account/password", "/account/organisation"])
def test_every_role_can_open_its_own_pages(client, people, role, path):
    client.log_in(people.users[role])
    client.get(path, status=200)


@pytest.mark.parametrize("role", [role.value for role in EVERYBODY])
def test_help_is_open_to_everybody(client, people, role):
    client.get(f"/help?role={role}", status=200)


def test_notices_are_unread_until_somebody_opens_them(client, people):
    clinic = people.institutions["clinic"].id
    notices.tell(
        "order_lapsed",
        at=NOW,
        facts={"order_no": "CG1", "lapsed_on": "2026-11-20"},
        link="/more",
        institution_id=clinic,
    )
    notices.tell(
        "order_lapsed", at=NOW, facts={"order_no": "CG2", "lapsed_on": "2026-11-20"}, institution_id=clinic
    )
    notices.tell(
        "order_lapsed", at=NOW, facts={"order_no": "CG3", "lapsed_on": "2026-11-20"}, county_code=SONG
    )
    db.session.commit()
    client.log_in(people.users[Role.INSTITUTION])
    page = client.get("/notices", status=200).page
    assert len(page.all("li.notice-new")) == 2
    assert page.texts(".tabs .count") == ["2"]
    link = next(form["action"] for form in page.all("li form") if form.text == "打开")
    assert client.post(link, status=302).location == "/more"
    assert len(client.get("/notices", status=200).page.all("li.notice-new")) == 1
    client.post("/notices", status=302)
    assert not client.get("/notices", status=200).page.all("li.notice-new")
    assert "CG1" in client.get("/notices?format=csv", status=200).get_data(as_text=True)


def test_a_foreign_notice_cannot_be_opened(client, people):
    notices.tell(
        "order_lapsed", at=NOW, facts={"order_no": "CG3", "lapsed_on": "2026-11-20"}, county_code=SONG
    )
    db.session.commit()
    client.log_in(people.users[Role.INSTITUTION])
    client.post("/notices/1", status=404)


# Accounts.


@pytest.mark.parametrize("role", BUREAUS)
def test_the_list_of_accounts_shows_ones_own_scope(client, people, role):
    client.log_in(people.users[role])
    names = client.get("/accounts/", status=200).page.texts("tbody th")
    expected = {
        Role.COUNTY: {"V01", "H01"},
        Role.CITY: {"V01", "H01", "D01", "13800000001", "13800000002"},
        Role.OPERATOR: {"V01", "H01", "D01", "13800000001", "13800000002", "operator"},
    }
    assert set(names) == expected[role]


def test_the_list_of_accounts_is_searched_sorted_and_exported(client, people, count_sql):
    client.log_in(people.users[Role.CITY])
    page = client.get(
        "/accounts/?q=明白川&role=institution&state=never&county=410325&sort=-name", status=200
    ).page
    assert page.texts("tbody th") == ["V01"]
    assert client.get("/accounts/?q=%25", status=200).page.h1 == "账号"
    for sort in ("username", "-name", "role", "org", "-place", "login"):
        client.get(f"/accounts/?sort={sort}", status=200)
    text = client.get("/accounts/?format=csv", status=200).get_data(as_text=True)
    assert "明白川村卫生室" in text
    assert client.get("/accounts/?format=xlsx", status=200).data[:2] == b"PK"


def test_a_county_sets_a_first_password_which_is_shown_once(client, people):
    client.log_in(people.users[Role.COUNTY])
    user = people.users[Role.INSTITUTION]
    client.get(f"/accounts/{user.id}", status=200)
    page = client.submit(f"form[action='/accounts/{user.id}/password']").page
    username, password = page.texts(".slip-secret")
    assert username == "V01"
    client.log_out()
    assert log_in(client, "V01", password).location == "/account/password?next=/"


def test_a_county_does_not_find_the_accounts_of_another(client, people):
    foreign = make_user("V02", Role.INSTITUTION, institution_id=people.institutions["elsewhere"].id)
    client.log_in(people.users[Role.COUNTY])
    client.get(f"/accounts/{foreign.id}", status=404)
    client.post(f"/accounts/{foreign.id}/password", status=404)
    client.get(f"/accounts/{people.users[Role.CITY].id}", status=404)


def test_accounts_are_closed_opened_logged_out_and_given_roles_on_their_page(client, people):
    client.log_in(people.users[Role.CITY])
    user = people.users[Role.HOSPITAL]
    page = f"/accounts/{user.id}"
    client.get(page, status=200)
    client.submit(f"form[action='{page}/close']")
    client.get(page, status=200)
    client.submit(f"form[action='{page}/reopen']")
    client.post(f"{page}/sessions", status=302)
    client.get(page, status=200)
    answer = client.submit(f"form[action='{page}/roles']", role="institution", code="no such")
    assert answer.status_code == 400
    client.submit(f"form[action='{page}/roles']", role="institution", code="V02")
    assert client.get(page, status=200).page.texts("tbody td[data-k='单位名称']") == [
        "车村镇卫生院",
        "白元村卫生室",
    ]
    client.submit(f"form[action='{page}/roles/{user.assignments[-1].id}/end']")
    client.get(page, status=200)


def test_a_new_account_is_opened_on_screen(client, people):
    client.log_in(people.users[Role.OPERATOR])
    client.get("/accounts/new", status=200)
    answer = client.submit("main form", username="v01", name="李四", role="institution", code="V01")
    assert answer.status_code == 400
    assert "已经有人用了" in answer.page.text
    answer = client.submit("main form", username="13900000000")
    assert answer.page.texts(".slip-secret")[0] == "13900000000"


def test_accounts_for_a_roster_are_issued_once_and_shown_as_slips(client, people):
    client.log_in(people.users[Role.CITY])
    assert "有 1 家单位没有账号" in client.get("/accounts/issue", status=200).page.text
    page = client.submit("form[action='/accounts/issue'][method='post']").page
    assert page.texts(".slip h2") == ["白元村卫生室"]
    if page.all("form[action='/accounts/slips.pdf']"):
        assert client.submit("form[action='/accounts/slips.pdf']").data[:5] == b"%PDF-"
    client.post("/accounts/slips.pdf", data={"slips": "made up"}, status=400)
    assert client.get("/accounts/issue", status=200).page.texts(".empty h2") == ["每家单位都有账号了"]
    assert not client.post("/accounts/issue", status=200).page.all(".slip")


# History.


@pytest.mark.parametrize("role", EVERYBODY)
def test_every_party_reads_its_own_history(client, people, role):
    client.log_in(people.users[role])
    page = client.get("/audit/", status=200).page
    subjects = set(page.texts("tbody td[data-k='账号']"))
    expected = {
        Role.INSTITUTION: {"V01"},
        Role.HOSPITAL: {"H01"},
        Role.DISTRIBUTOR: {"D01"},
        Role.COUNTY: {"V01", "H01", "13800000001"},
    }
    everything = {"V01", "H01", "D01", "13800000001", "13800000002", "operator"}
    assert subjects == expected.get(role, everything)


def test_the_history_is_filtered_and_exported(client, people):
    client.log_in(people.users[Role.CITY])
    page = client.get(
        "/audit/?deed=assign_role&subject=V01&first=2026-01-01&last=2026-01-01", status=200
    ).page
    assert page.texts("tbody th") == ["分配角色"]
    assert "采购单位" in page.text
    assert "请" in client.get("/audit/?first=2026-02-30", status=200).page.text
    assert client.get("/audit/?person=nobody", status=200).page.texts(".empty h2") == ["没有合适的记录"]
    assert "分配角色" in client.get("/audit/?format=csv", status=200).get_data(as_text=True)
    assert client.get("/audit/?format=pdf").status_code == 404


@pytest.mark.parametrize("role", EVERYBODY)
def test_nobody_is_led_to_a_page_that_refuses_them(client, people, role):
    client.log_in(people.users[role])
    client.get("/more", status=200)
    for link in client.page.all(".menu a, nav a"):
        assert client.get(link["href"]).status_code in {200, 302}, link["href"]
