"""Deeds on the roster: institutions, letters, mandates, suspensions, distributors, delivery relations.

The ``put_…`` deeds take many rows in the columns of the import files (formats.md), in one transaction and a number
of statements that does not grow with the rows; they store all rows or none and refuse with ``RowsRefused``. Every
changed record gets an audit entry of its own, up to ``storing.AUDITED_ONE_BY_ONE`` in one call; above that, one
entry sums the call up.
"""

from clinic_orders.actions.roster.distributors import put_distributors
from clinic_orders.actions.roster.institutions import (
    check_institutions,
    close_institution,
    put_institution,
    put_institutions,
    reopen_institution,
)
from clinic_orders.actions.roster.letters import put_commitments, sign_commitment
from clinic_orders.actions.roster.mandates import give_mandate, put_mandates, revoke_mandate
from clinic_orders.actions.roster.merging import MergedIntoItself, merge_institution
from clinic_orders.actions.roster.relations import check_relations, end_relation, put_relations
from clinic_orders.actions.roster.suspensions import lift_suspension, suspend_institution

__all__ = [
    "MergedIntoItself",
    "check_institutions",
    "check_relations",
    "close_institution",
    "end_relation",
    "give_mandate",
    "lift_suspension",
    "merge_institution",
    "put_commitments",
    "put_distributors",
    "put_institution",
    "put_institutions",
    "put_mandates",
    "put_relations",
    "reopen_institution",
    "revoke_mandate",
    "sign_commitment",
    "suspend_institution",
]
