"""Reading a typed form with the same cells that files are read with, and keeping what is wrong field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request
from flask_babel import gettext as _

from clinic_orders.exchange.cells import Cell
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.web.errors import say


class Typed:
    """What was typed into the form of this request; ``errors`` is for parts/forms.html's error_summary."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []

    def text(self, name: str) -> str:
        """A field as it was typed, without blanks around it."""
        return request.form.get(name, "").strip()

    def read(self, name: str, cell: Cell, *, required: bool = True) -> Any:
        """The value of a field; None where it is empty or wrong, which is then among the errors."""
        text = self.text(name)
        if not text:
            if required:
                self.errors.append((name, _("This must be filled in.")))
            return None
        return self.tried(name, lambda: cell.read(text))

    def tried(self, name: str, deed: Callable[[], Any]) -> Any:
        """What a function answers; a refusal becomes an error at the field."""
        try:
            return deed()
        except RuleBroken as error:
            self.errors.append((name, say(error)))
            return None

    def error_of(self, name: str) -> str:
        """The message at a field; "" if it is right."""
        return next((message for field, message in self.errors if field == name), "")
