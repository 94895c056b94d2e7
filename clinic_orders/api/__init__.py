"""The door for other programs: JSON over HTTP with tokens (formats.md section 5).

A call is read by the shapes of ``exchange``, asks the questions and does the deeds that the pages do, in the name of the
token's account; no session is looked at and no cookie is set.
"""

from __future__ import annotations

from flask import Flask

from clinic_orders.api import (  # noqa: F401 - importing them makes their calls known.
    catalogue,
    deliveries,
    docs,
    door,
    limits,
    money,
    orders,
    problems,
    reported,
    supervision,
    webhooks,
)


def init_app(app: Flask) -> None:
    """Open the door: the calls, their document and its pages."""
    limits.init_app(app)
    app.register_blueprint(door.make_blueprint(app))
    app.register_blueprint(docs.blueprint)
    problems.init_app(app)
