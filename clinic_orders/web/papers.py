"""Papers as answers: the PDF, or a page that says what has to be installed first."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, render_template
from werkzeug.wrappers import Response

from clinic_orders.documents import PapersOff
from clinic_orders.web.downloads import file_answer


def pdf(name: str, make: Callable[[], bytes | None]) -> Response | tuple[str, int]:
    """Answer with a paper.

    Args:
        name: of the file, without its ending.
        make: makes the paper; None means that there is no such thing for this person (404).

    """
    try:
        content = make()
    except PapersOff as off:
        return render_template("layout/papers_off.html", command=off.facts["command"]), 409
    if content is None:
        abort(404)
    return file_answer(content, f"{name}.pdf", shown=True)
