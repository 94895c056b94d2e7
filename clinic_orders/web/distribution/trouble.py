"""What goes wrong with an answer, kept beside what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import request

from clinic_orders.actions import answering
from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.web.distribution import forms
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at


@dataclass
class Trouble:
    """What went wrong with a form about orders, to be shown above and beside what was typed.

    Attributes:
        notes: order number → why nothing could be stored.
        problems: order number → line number → why.
        kept: order number → what had been typed, where its form is gone.

    """

    notes: dict[str, str] = field(default_factory=dict)
    problems: dict[str, dict[int, RuleBroken]] = field(default_factory=dict)
    kept: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.notes or self.problems)

    def note(self, order_no: str, refusal: RuleBroken) -> None:
        """Keep a refusal: line by line where it names lines, else for the whole order."""
        if isinstance(refusal, LinesNotPossible):
            self.problems[order_no] = refusal.problems
        else:
            self.notes[order_no] = say(refusal)


def answer_typed(orders: Sequence[Order], trouble: Trouble) -> list[str]:
    """Answer orders as typed, each for itself; gives the answered ones and notes the refusals of the others."""
    typed = [
        (order.order_no, forms.read_answer(order, request.form), forms.typed_words(order, request.form))
        for order in orders
    ]
    # The reading so far must not hold the place of a writer, and each deed looks at the order anew.
    db.session.rollback()
    done = []
    for number, answer, kept in typed:
        try:
            if answer.problems:
                raise LinesNotPossible(number, answer.problems)
            answering.answer_order(number, answer.answers, by=actor(), at=at(), seen_version=answer.version)
        except RuleBroken as refusal:
            trouble.note(number, refusal)
            trouble.kept[number] = kept
        else:
            done.append(number)
    return done
