"""The second step of a log-in: six digits that a program on the phone makes every 30 seconds, or a code from paper.

Source: RFC 6238 (TOTP) with its recommended values, six digits of 30 seconds; OWASP ASVS 5, chapter 6.5: a code is good
once, for its own half minute and the one before and after it, since clocks of phones differ. Codes from paper
(recovery codes) are 50 random bits each and good once.

>>> secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
>>> at = datetime.fromisoformat("2026-11-22T10:00:00+08:00")
>>> right = pyotp.TOTP(secret).at(at)
>>> matching_step(secret, right, at) == step_of(at)
True
>>> matching_step(secret, right, at + timedelta(seconds=61)) is None
True
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import pyotp

from clinic_orders.rules.accounts import folded
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Role

SECONDS: Final = 30
DIGITS: Final = 6
HALF_WAY: Final = timedelta(minutes=5)
"""So long a right password waits for its second step."""
PAPER_CODES: Final = 10
PAPER_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
PAPER_LENGTH: Final = 10
EXPECTED_OF: Final = frozenset({Role.COUNTY, Role.CITY, Role.OPERATOR})
"""Who sees and decides over everybody else's data; the setting SECOND_STEP can demand it of them."""


class SecondStepNeeded(RuleBroken):
    """The password was right; the log-in goes on with the second step. No refusal, and never shown as one.

    Facts: user_id, the account.
    """

    message = N_("Enter the six digits from your phone.")


class CodeWrong(RuleBroken):
    """Neither the digits of these 90 seconds nor an unused code from paper."""

    message = N_(
        "This code is not right, or it was used before. Wait for the next six digits, see that the phone sets its clock by itself, or take a code from your sheet."
    )


class HalfWayTooLong(RuleBroken):
    """The password was typed too long ago."""

    message = N_("The password was entered more than 5 minutes ago. Log in again.")


class NothingBegun(RuleBroken):
    """A code without a secret shown before."""

    message = N_(
        "The set-up was not begun, or it was begun anew elsewhere. Load the page and scan the picture again."
    )


class SecondStepIsDemanded(RuleBroken):
    """The operator's setting demands it of this role."""

    message = N_(
        "For your role the second step can't be switched off. With a new phone, set it up again here; without the old one, ask the operator."
    )


def step_of(at: datetime) -> int:
    """The number of the half minute, which codes are made from."""
    return int(at.timestamp()) // SECONDS


def plain_code(typed: str) -> str:
    """A code without blanks and hyphens, in small letters.

    >>> plain_code(" 12 34 56 "), plain_code("ABCDE-23456")
    ('123456', 'abcde23456')
    """
    return "".join(letter for letter in folded(typed).lower() if letter.isalnum())


def matching_step(secret: str, typed: str, at: datetime) -> int | None:
    """The half minute whose code was typed, now or one before or after; None if it is none of them."""
    code, now, found = plain_code(typed), step_of(at), None
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=SECONDS)
    # All three are compared whatever matches, so that the time tells nothing.
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(totp.at(step * SECONDS).encode(), code.encode()):
            found = step
    return found


def new_secret() -> str:
    """A secret of 160 random bits, as phones read it (base 32)."""
    return str(pyotp.random_base32())


def address(secret: str, username: str, issuer: str) -> str:
    """What stands in the picture that the phone scans (otpauth://…)."""
    return str(
        pyotp.TOTP(secret, digits=DIGITS, interval=SECONDS).provisioning_uri(
            name=username, issuer_name=issuer
        )
    )


def paper_code(pick: Callable[[str], str]) -> str:
    """A code for a sheet of paper: two groups of five.

    >>> paper_code(lambda letters: letters[0])
    '22222-22222'
    """
    letters = "".join(pick(PAPER_LETTERS) for _ in range(PAPER_LENGTH))
    return f"{letters[:5]}-{letters[5:]}"
