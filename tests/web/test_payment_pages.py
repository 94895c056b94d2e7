"""The pages of payments, for both sides."""

from __future__ import annotations



