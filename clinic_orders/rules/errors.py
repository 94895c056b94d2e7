"""The one family of refusals that a person can put right.

Each subclass stands beside the rule that raises it. The message is an English msgid with named places;
the doors translate it (a page, problem+json, stderr). Anything that is not a RuleBroken is a bug.
"""

from __future__ import annotations

from typing import Any, ClassVar


def N_(message: str) -> str:  # noqa: N802 - the name that gettext tools look for.
    """Mark a text for translation without translating it here.

    >>> N_("Choose a distributor.")
    'Choose a distributor.'
    """
    return message


class RuleBroken(Exception):
    """A deed was refused for a reason that the person can understand and act on.

    Attributes:
        message: English msgid with named places, the same for all instances of the class.
        facts: what fills the places; values are plain (str, int, Decimal, date).

    >>> class TooMany(RuleBroken):
    ...     message = N_("At most %(limit)s packs can be ordered.")
    >>> str(TooMany(limit=9999))
    'At most 9999 packs can be ordered.'

    """

    message: ClassVar[str] = N_("This is not possible.")

    def __init__(self, **facts: Any) -> None:
        super().__init__()
        self.facts: dict[str, Any] = facts

    @property
    def code(self) -> str:
        """The class name, a stable key for tests, files and the API."""
        return type(self).__name__

    def __str__(self) -> str:
        return self.message % self.facts
