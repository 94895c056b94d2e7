"""The document of the calls is sound, and every call keeps it whatever is sent."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from clinic_orders.api.docs import refusals
from clinic_orders.api.door import OPERATIONS
from clinic_orders.rules.api import SCOPES
from clinic_orders.rules.parties import Role
from tests.api_calls import token_of
from tests.factories import NOW, make_order, make_user, make_world

DOCUMENT = "/api/v1/openapi.json"


@pytest.fixture
def world(app, clock_at):
    clock_at(NOW)
    return make_world()


def test_the_document_lists_every_call_with_its_scope_and_is_in_the_callers_language(client):
    found = client.get(DOCUMENT).json
    assert found["openapi"].startswith("3.1")
    listed = {
        (method.upper(), path, operation["x-scope"])
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    }
    assert listed == {(one.method, one.path, one.permission.value) for one in OPERATIONS}
    assert {scope for _method, _path, scope in listed} <= {scope.value for scope in SCOPES}
    assert "令牌" in found["info"]["description"]
    english = client.get(DOCUMENT, headers={"Accept-Language": "en"}).json
    assert "token" in english["info"]["description"]
    assert english["paths"].keys() == found["paths"].keys()


def test_every_reference_of_the_document_leads_to_a_schema(client):
    text = client.get(DOCUMENT).get_data(as_text=True)
    found = json.loads(text)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= found["components"]["schemas"].keys()


def test_the_pages_show_every_call_object_and_type_of_problem(client):
    page = client.get("/api/docs").page
    assert {one.text for one in page.all("section code")} >= {
        f"{one.method} {one.path}" for one in OPERATIONS
    }
    assert not page.all("script:not([src])")
    table = client.get("/api/docs/problems").page
    named = [kind.__name__ for kind in refusals()]
    assert len(named) == len(set(named)) > 300
    assert all(table.all(f"tr#{name}") for name in ("TokenNotValid", "StepOutOfTurn", "ChangedMeanwhile"))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_the_answers_are_those_of_the_document(app, world, mode):
    number = make_order(world)
    tokens = [
        token_of(make_user("V01", institution=world.clinic)),
        token_of(make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor)),
        token_of(make_user("B1", role=Role.COUNTY, county="410325")),
    ]
    schema = schemathesis.openapi.from_wsgi(DOCUMENT, app)
    cases = st.one_of(*(one.ok().as_strategy(generation_mode=mode) for one in schema.get_all_operations()))

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, token=st.sampled_from(tokens), own=st.booleans())
    def keeps(case, token, own):
        if own and "no" in case.path_parameters:
            case.path_parameters["no"] = number
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(
            answer,
            checks=[
                schemathesis.checks.not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ],
        )

    keeps()
