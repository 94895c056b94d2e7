"""The inbox finds a notice by what it says."""

import pytest

from clinic_orders.actions import notices
from clinic_orders.models.base import db
from clinic_orders.queries.notices import Wanted, count_notices, inbox
from clinic_orders.rules.parties import Actor, Role
from tests.people import NOW, make_people

pytestmark = pytest.mark.both_databases


@pytest.fixture
def city(app):
    make_people()
    for number, name in ((1, "明白川村卫生室"), (2, "白元村卫生室")):
        notices.tell(
            "proxy_order_disowned",
            at=NOW,
            facts={"institution": name, "order_no": f"CG20261120-000{number}_%"},
        )
    db.session.commit()
    return Actor("赵红军", Role.CITY)


def found(city, *words, **more):
    wanted = Wanted(words=words, **more)
    rows = inbox(city, wanted)
    assert len(rows) == count_notices(city, wanted)
    return sorted(row.facts["institution"] for row in rows)


def test_a_notice_is_found_by_a_name_or_a_number_in_its_facts(city):
    assert found(city, "明白") == ["明白川村卫生室"]
    assert found(city, "cg20261120-0002") == ["白元村卫生室"]
    assert found(city, "卫生室", "0001") == ["明白川村卫生室"]
    assert found(city) == ["明白川村卫生室", "白元村卫生室"]


def test_signs_of_a_pattern_are_looked_for_as_they_stand(city):
    assert found(city, "_%") == ["明白川村卫生室", "白元村卫生室"]
    assert found(city, "%明") == []
    assert found(city, '"') == []


def test_a_word_of_the_kind_finds_its_notices(city):
    assert found(city, "声明", titled=(["proxy_order_disowned"],)) == ["明白川村卫生室", "白元村卫生室"]
    assert found(city, "声明", titled=([],)) == []
