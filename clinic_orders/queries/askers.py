"""Whoever asks, as parameters: a statement that is made once then serves everybody of a role.

To make a question anew for every page takes longer than to answer it. The conditions of ``visibility`` and ``roster``
compare columns with the ids of an actor; given ``anybody`` instead, they compare them with parameters.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, String, bindparam

from clinic_orders.rules.parties import Actor, Role

_INSTITUTION: Any = bindparam("asking_institution", type_=Integer)
_DISTRIBUTOR: Any = bindparam("asking_distributor", type_=Integer)
_COUNTY: Any = bindparam("asking_county", type_=String)


class Asking(NamedTuple):
    """What kind of actor asks: the role, and of which organisations it has an id."""

    role: Role
    institution: bool
    distributor: bool
    county: bool


def asking(actor: Actor) -> Asking:
    """What kind of actor this is."""
    return Asking(
        actor.role,
        actor.institution_id is not None,
        actor.distributor_id is not None,
        actor.county_code is not None,
    )


@cache
def anybody(kind: Asking) -> Actor:
    """An actor of a kind whose ids are parameters, for a statement that is made once."""
    return Actor(
        "",
        kind.role,
        institution_id=_INSTITUTION if kind.institution else None,
        distributor_id=_DISTRIBUTOR if kind.distributor else None,
        county_code=_COUNTY if kind.county else None,
    )


def ids_of(actor: Actor) -> dict[str, Any]:
    """What is filled in for an actor."""
    return {
        "asking_institution": actor.institution_id,
        "asking_distributor": actor.distributor_id,
        "asking_county": actor.county_code,
    }
