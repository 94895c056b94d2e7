"""Something that does not agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not agree.

    Attributes:
        check: which check found it.
        subject: the record's number or table.
        message: English msgid of what is wrong.
        facts: what fills its places.

    """

    check: str
    subject: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """What is wrong, in English."""
        return self.message % self.facts
