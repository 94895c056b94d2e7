"""The blueprint of complaints."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("complaints", __name__, url_prefix="/complaints")
