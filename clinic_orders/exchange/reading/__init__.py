"""Files in: CSV or XLSX → rows of values, with every refusal named by row and column.

``open_file`` looks at a file once in bounded memory (size, encoding, what a spreadsheet would unpack to) and
at its header; ``Reading.rows`` then gives the good rows one by one and gathers what is wrong with the others.
Nothing here knows the records: whoever imports adds refusals of its own with ``Reading.refuse``.

Rows are numbered as a spreadsheet shows them: the header is row 1, the first data row is row 2.
"""

from clinic_orders.exchange.reading.rows import (
    MESSAGE_COLUMN,
    MESSAGE_LABEL,
    Problem,
    Reading,
    open_file,
)
from clinic_orders.exchange.reading.texts import ESCAPED, as_text

__all__ = ["ESCAPED", "MESSAGE_COLUMN", "MESSAGE_LABEL", "Problem", "Reading", "as_text", "open_file"]
