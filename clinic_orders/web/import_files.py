"""A list as a file that an import reads back: the columns of its kind (formats.md section 2)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response

from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import write_csv, write_xlsx
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.listing import wanted_file


def as_import_file(kind: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    """The rows as the file that the address asks for (``format``), CSV if it does not say."""
    form = wanted_file() or "csv"
    out = io.BytesIO()
    (write_xlsx if form == "xlsx" else write_csv)(KINDS[kind], rows, out)
    return file_answer(out.getvalue(), f"{kind}.{form}")
