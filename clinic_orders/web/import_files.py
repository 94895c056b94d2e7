"""A list as a file that an import reads back: the columns of its kind (formats.md section 2)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response

from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import write_csv, write_xlsx
from clinic_orders.web.listing import wanted_file

_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def as_import_file(kind: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    """The rows as the file that the address asks for (``format``), CSV if it does not say."""
    form = wanted_file() or "csv"
    out = io.BytesIO()
    (write_xlsx if form == "xlsx" else write_csv)(KINDS[kind], rows, out)
    response = Response(out.getvalue(), content_type=_MEDIA[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{kind}.{form}"'
    return response
