"""What follows of a change of the roster, in words."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from clinic_orders.queries.roster_consequences import Consequence, Follows
from clinic_orders.rules.policy_parameters import parameter
from clinic_orders.web import policy_words
from clinic_orders.web.display import yuan


def said(one: Consequence) -> str:
    """A consequence as one sentence with its numbers."""
    count = one.count
    sentences = {
        Follows.VILLAGES_WITHOUT_HOSPITAL: ngettext(
            "%(num)d institution would have no supervising hospital. Name its new one, or give another hospital here.",
            "%(num)d institutions would have no supervising hospital. Name their new one, or give another hospital here.",
            count,
        ),
        Follows.STORES_WITHOUT_HEADQUARTERS: ngettext(
            "%(num)d store would have nobody to order for it.",
            "%(num)d stores would have nobody to order for them.",
            count,
        ),
        Follows.COMMUNITY_WITHOUT_LEAD: ngettext(
            "%(num)d member of its medical community would have no lead hospital.",
            "%(num)d members of its medical community would have no lead hospital.",
            count,
        ),
        Follows.MANDATES_USELESS: ngettext(
            "%(num)d mandate to buy has no effect any more.",
            "%(num)d mandates to buy have no effect any more.",
            count,
        ),
        Follows.ORDERS_OPEN: ngettext(
            "%(num)d order is still open: it is answered and shipped as it was made.",
            "%(num)d orders are still open: they are answered and shipped as they were made.",
            count,
        ),
        Follows.GOODS_UNDER_WAY: ngettext(
            "%(num)d delivery is still to be received.", "%(num)d deliveries are still to be received.", count
        ),
        Follows.MONEY_STAYS: _(
            "%(amount)s yuan are still to be paid; the debt stays.", amount=yuan(one.amount)
        ),
        Follows.VOLUME_STAYS: ngettext(
            "%(num)d agreed volume runs on and is reduced to the days of membership.",
            "%(num)d agreed volumes run on and are reduced to the days of membership.",
            count,
        ),
        Follows.ACCOUNTS_ONLY_READ: ngettext(
            "%(num)d account can still read and pay, but not order.",
            "%(num)d accounts can still read and pay, but not order.",
            count,
        ),
        Follows.OTHER_DISTRIBUTOR: ngettext(
            "%(num)d item will come from another distributor.",
            "%(num)d items will come from another distributor.",
            count,
        ),
        Follows.NO_DISTRIBUTOR: ngettext(
            "%(num)d item will have no distributor. Set a delivery relation before that day.",
            "%(num)d items will have no distributor. Set delivery relations before that day.",
            count,
        ),
        Follows.OTHER_COUNTY_WATCHES: _(
            "From that day the other county's bureau sees it, and its figures count there."
        ),
        Follows.ITEMS_UNSUITABLE: ngettext(
            "%(num)d item of its usual list is not for the new kind.",
            "%(num)d items of its usual list are not for the new kind.",
            count,
        ),
        Follows.VOLUME_FOR_OTHER_HOSPITAL: _(
            "What it accepts without an agreement of its own counts for the new hospital from that day."
        ),
        Follows.LONGER_LIMITS: _("Distributors get the longer delivery hours of remote places."),
        Follows.SHORTER_LIMITS: _("Distributors get the ordinary delivery hours."),
    }
    if one.what is Follows.POLICY_CHANGES:
        return _policy(one.facts)
    return str(sentences[one.what])


def _policy(facts: dict[str, Any]) -> str:
    about = parameter(facts["parameter"])
    parts = {key: policy_words.said(about, facts[key]) for key in ("before", "after")}
    return str(_("“%(parameter)s” changes from %(before)s to %(after)s.", parameter=_(about.label), **parts))
