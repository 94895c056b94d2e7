"""Sending what webhooks tell: which deeds they tell of, and two senders at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from ipaddress import ip_network

import pytest
from sqlalchemy import func, select

from clinic_orders.actions.webhooks import make_webhook, ping_webhook
from clinic_orders.exchange.webhook_sender import Sender, reach_of, seal_secret
from clinic_orders.models.base import db
from clinic_orders.models.webhooks import WebhookDelivery
from clinic_orders.rules.parties import SYSTEM, Permission, Role
from clinic_orders.rules.webhooks import EVENT_OF_DEED, WANTED
from clinic_orders.web.deed_names import DEEDS
from tests.api_calls import token_of
from tests.factories import NOW, make_user, make_world, submit
from tests.webhook_receiver import receiver


@pytest.fixture
def listening():
    with receiver() as found:
        yield found


@pytest.mark.both_databases
def test_of_two_senders_at_once_each_message_is_posted_by_one(committed_app, clock_at, listening):
    clock_at(NOW)
    settings = replace(committed_app.extensions["settings"], webhook_networks=(ip_network("127.0.0.0/8"),))
    with committed_app.app_context():
        world = make_world()
        post = make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor).assignments[0]
        token_of(post.user)
        for number in range(6):
            made = make_webhook(
                post.id,
                f"{listening.url}/{number}",
                ["order.submitted"],
                scopes={Permission.ORDERS_READ},
                reach=reach_of(settings),
                seal=lambda secret: seal_secret(settings, secret),
                by=SYSTEM,
                at=NOW,
            )
            ping_webhook(made.code, assignment_id=None, by=SYSTEM, at=NOW)
        submit(world, {world.items[0].item_code: "6"})
        db.session.remove()
    barrier, taken = threading.Barrier(2), []

    def run():
        with committed_app.app_context():
            barrier.wait(10)
            taken.append(Sender(settings).run_waiting())
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with committed_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(WebhookDelivery)) == 12
        db.session.remove()
    posted = sorted((headers["Webhook-Id"], headers["Host"]) for headers, _body in listening.got)
    assert (sum(taken), len(posted)) == (12, 12)
    assert len({one for one, _host in posted}) == 7


def test_the_deeds_of_which_webhooks_tell_are_deeds_that_there_are():
    assert set(EVENT_OF_DEED) <= set(DEEDS)
    assert set(EVENT_OF_DEED.values()) == set(WANTED)
