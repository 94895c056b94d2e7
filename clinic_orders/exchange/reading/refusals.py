"""Everything for which a file, its header or a row is refused before the records are asked."""

from __future__ import annotations

from clinic_orders.rules.errors import N_, RuleBroken


class FileRefused(RuleBroken):
    """A file, or the rest of it, that can't be read. `row` says where, if anywhere."""

    @property
    def row(self) -> int | None:
        """The row at which reading ended, if it had begun."""
        row: int | None = self.facts.get("row")
        return row


class FileEmpty(FileRefused):
    """Nothing in it."""

    message = N_("The file is empty. It needs a header row with the names of the columns.")


class FileTooLarge(FileRefused):
    """More bytes than are taken."""

    message = N_("The file is larger than %(limit)s MB. Split it.")


class OldSpreadsheet(FileRefused):
    """The binary format before 2007, or a workbook with a password."""

    message = N_(
        "This is an old or protected Excel file. Save it as .xlsx without a password, or as CSV UTF-8."
    )


class NotASpreadsheet(FileRefused):
    """A damaged or foreign packed file."""

    message = N_("The file can't be read as a spreadsheet. Save it as .xlsx or as CSV UTF-8.")


class SpreadsheetTooLarge(FileRefused):
    """A spreadsheet that would fill the memory."""

    message = N_(
        "The spreadsheet is too large to unpack. Delete empty columns and rows, or save it as CSV UTF-8."
    )


class FormulaFailed(FileRefused):
    """A formula's error such as #N/A, which would otherwise be read as an empty cell."""

    message = N_("The cell %(cell)s shows a formula error. Put the value itself there.")


class Utf16(FileRefused):
    """What Excel calls Unicode text."""

    message = N_("The file is “Unicode text”. Save it as CSV UTF-8 or as .xlsx.")


class NotText(FileRefused):
    """NUL bytes, as in pictures and programs."""

    message = N_("Row %(row)s holds a NUL byte: this is not a text file. Save it as CSV UTF-8 or as .xlsx.")


class EncodingUnknown(FileRefused):
    """Neither UTF-8 nor GB18030."""

    message = N_(
        "The characters are neither UTF-8 nor GB18030, or the file is damaged. Save it as CSV UTF-8."
    )


class RecordTooLong(FileRefused):
    """A row without an end, or a quotation mark that is never closed."""

    message = N_("Row %(row)s is too long. Is a quotation mark not closed, or a line break missing?")


class QuotesBroken(FileRefused):
    """Quotation marks in a row that do not fit together."""

    message = N_(
        "The quotation marks of row %(row)s do not fit together. Double those inside a value, or save as .xlsx."
    )


class TooManyColumns(FileRefused):
    """More columns than any kind has."""

    message = N_(
        "The file has more than %(limit)s columns. Delete the empty ones to the right, or check the commas."
    )


class TooManyRows(FileRefused):
    """More rows than are taken at once."""

    message = N_("The file has more than %(limit)s rows. Split it.")


class WrongDelimiter(FileRefused):
    """Columns that are not separated by commas."""

    message = N_("The columns are separated by “%(found)s”. Save the file with commas.")


class TooManyProblems(FileRefused):
    """Reading stopped after very many refusals."""

    message = N_("More than %(limit)s problems. The rows from %(row)s on were not checked.")


class HeaderRefused(RuleBroken):
    """The header does not fit the kind of file."""


class ColumnUnknown(HeaderRefused):
    """A heading that the kind does not have."""

    message = N_("There is no column “%(heading)s” in a file of this kind. Possible: %(columns)s.")


class ColumnMissing(HeaderRefused):
    """A column that must be there."""

    message = N_("The column “%(name)s” (%(label)s) is missing.")


class ColumnTwice(HeaderRefused):
    """Two headings that mean the same column."""

    message = N_("The column “%(name)s” stands twice: “%(first)s” and “%(second)s”.")


class RowRefused(RuleBroken):
    """A row does not fit the header or another row."""


class CellsCounted(RowRefused):
    """More or fewer cells than headings."""

    message = N_("The row has %(found)s cells, the header has %(expected)s. Is a comma missing or too many?")


class CellWithoutHeading(RowRefused):
    """A value in a column without a heading."""

    message = N_("Cell %(position)s has no heading above it.")


class RowTwice(RowRefused):
    """Two rows of one file with the same natural key."""

    message = N_("The row repeats row %(first)s: %(key)s. Delete one of them.")
