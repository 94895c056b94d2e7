"""The lists of accounts, notices and the history ask the database as often for many rows as for few."""

from __future__ import annotations

import pytest

from clinic_orders.actions import notices
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.people import NOW, make_institution, make_people, make_user


def more_rows(people):
    for number in range(30):
        institution = make_institution(f"4103{number:05}", f"第{number}村卫生室")
        make_user(institution.code, Role.INSTITUTION, institution_id=institution.id)
        notices.tell("mandate_revoked", at=NOW, facts={"hospital": "甲", "institution": "乙"})
    db.session.commit()


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/?q=1&sort=-org", "/notices", "/audit/", "/more"])
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(app, client, count_sql, path):
    people = make_people()
    notices.tell("mandate_revoked", at=NOW, facts={"hospital": "甲", "institution": "乙"})
    client.log_in(people.users[Role.CITY])
    client.get(path, status=200)
    with count_sql() as few:
        client.get(path, status=200)
    more_rows(people)
    with count_sql() as many:
        client.get(path, status=200)
    assert many.count == few.count, f"{few}\n\n{many}"
    assert few.count <= 8, str(few)
