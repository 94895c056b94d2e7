"""The order page with the whole catalogue, against its own template rendered from ready data."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, template_rendered
from jinja2 import Template

from clinic_orders.actions.transaction import end_reading
from clinic_orders.cli.benchmark.measuring import Rounds, counted, timed
from clinic_orders.cli.benchmark.world import Clinic, World
from clinic_orders.cli.context import Failed

PATH: Final = "/order?show=all"
REPEATS: Final = 8
GZIP_GOAL: Final = 50 * 1024


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What one page is: rows, bytes, bytes after gzip (level 6), SQL statements, assets apart."""

    rows: int
    size: int
    gzip_size: int
    statements: int


class OrderPageRounds:
    """Asks for the page and renders the same template from the captured context, turn by turn."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rounds = Rounds()
        self.facts = self._look()

    def _look(self) -> PageFacts:
        clinic = self.world.reader
        clinic.visitor.get(PATH)
        with counted(self.world.app) as statements:
            page = clinic.visitor.get(PATH)
        rows = len(re.findall(rb'<tr class="item-row"', page.body))
        if rows < 338:
            raise Failed(f"the order page lists {rows} items, not 338")
        return PageFacts(rows, len(page.body), len(gzip.compress(page.body, 6)), len(statements))

    def run(self) -> None:
        """One round."""
        app, clinic = self.world.app, self.world.reader
        captured = _capture(app, clinic)
        template, values = captured
        for _ in range(REPEATS):
            seconds = clinic.visitor.get(PATH).seconds
            # A request of its own, so that nothing but the rendering falls into the time: the person is known,
            # and what a template makes once in a request, such as the form's token, it makes here too.
            with app.request_context(clinic.visitor.environ(PATH)):
                app.preprocess_request()
                # A ROLLBACK at the end of this request would take the page its prepared statements.
                end_reading()
                floor, text = timed(lambda: template.render(values))
            if not text.rstrip().endswith("</html>"):
                raise Failed("the rendered template is no page")
            self.rounds.add(seconds, floor)
        self.rounds.close()


def _capture(app: Flask, clinic: Clinic) -> tuple[Template, dict[str, Any]]:
    """The template of the page and everything it was given."""
    seen: list[tuple[Template, dict[str, Any]]] = []

    def note(_app: Flask, template: Template, context: dict[str, Any], **_more: Any) -> None:
        seen.append((template, dict(context)))

    with template_rendered.connected_to(note, app):
        clinic.visitor.get(PATH)
    return seen[-1]
