"""What is kept about persons, how long, on what it rests; and what a person may ask for (个人信息保护法, decision 0056).

>>> pseudonym(12)
'已注销人员12'
>>> term_over(date(2023, 11, 20), months=36, on=date(2026, 11, 20))
False
>>> term_over(date(2023, 11, 19), months=36, on=date(2026, 11, 20))
True
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.days import add_months, start_of_day
from clinic_orders.rules.errors import N_, RuleBroken

DEVICE_DAYS: Final = 180
"""Log-ins on devices are kept so many days: six months is the least for logs of networks (网络安全法 art. 21)."""
MAX_WORDS: Final = 500
GONE: Final = "已删除"
"""What stands where a name was, in records that need some word there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the table of what is kept.

    Attributes:
        what: msgid of the data.
        why: msgid of what they are for.
        until: msgid of how long, with a place for the number of the parameter.
        then: msgid of what happens afterwards.
        rests_on: msgid of the regulation.
        parameter: the policy parameter that holds the number; empty = fixed.

    """

    what: str
    why: str
    until: str
    then: str
    rests_on: str
    parameter: str = ""


ACCOUNT_MONTHS: Final = "privacy.account_months"
APPLICATION_MONTHS: Final = "privacy.application_months"
TRAINING_MONTHS: Final = "privacy.training_months"

_PERSON: Final = N_("Personal Information Protection Law, art. 19 and 47")
RETENTION: Final = (
    Kept(
        N_("Account: name, log-in name, telephone"),
        N_("To know who orders, receives, pays and decides"),
        N_("while the account is open, then %(months)s months"),
        N_("The name becomes a number, telephone and log-in name are erased"),
        _PERSON,
        ACCOUNT_MONTHS,
    ),
    Kept(
        N_("Log-ins: device and time"),
        N_("To find log-ins that were not the person's own"),
        N_("180 days"),
        N_("Erased"),
        N_("Cybersecurity Law, art. 21"),
    ),
    Kept(
        N_("Who did what in orders, deliveries, payments and decisions"),
        N_("Proof of the purchase and of supervision; the record is sealed and can't be changed"),
        N_("as long as the record itself"),
        N_("Once the account's term is over, the history shows a number instead of the name"),
        N_("Personal Information Protection Law, art. 13 and 47: duty by law, storage only"),
    ),
    Kept(
        N_("Complaint: telephone number, if one was left"),
        N_("Questions of the bureau about the complaint"),
        N_("until it is answered or withdrawn"),
        N_("Erased at once; the complaint stays without it"),
        _PERSON,
    ),
    Kept(
        N_("Application: contact, telephone, representative, signature, papers"),
        N_("To decide about the application"),
        N_(
            "%(months)s months after it was refused, withdrawn or left lying; of admitted ones as long as the membership"
        ),
        N_("Names, telephone, signature and papers are erased"),
        _PERSON,
        APPLICATION_MONTHS,
    ),
    Kept(
        N_("Training: names of those who took part"),
        N_("The annual assessment"),
        N_("%(months)s months"),
        N_("Names and attendance sheet are erased, the number stays"),
        _PERSON,
        TRAINING_MONTHS,
    ),
)


class RequestKind(StrEnum):
    """What a person asks for."""

    CORRECT = "correct"
    ERASE = "erase"
    EXPLAIN = "explain"


class RequestState(StrEnum):
    """WAITING for the bureau, DONE as asked, REFUSED with the reason."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class RequestEmpty(RuleBroken):
    """A request needs words."""

    message = N_("Write what is wrong and how it should be, in a sentence.")


class RequestWaiting(RuleBroken):
    """One request at a time."""

    message = N_("Your last request has not been answered yet. Call the bureau if it is urgent.")


class RequestAnswered(RuleBroken):
    """It was answered meanwhile."""

    message = N_("The request has been answered meanwhile. Look at it again.")


class AnswerMissing(RuleBroken):
    """The person is owed an answer in words."""

    message = N_("Write the answer: what was done, or why not and where the person can turn to.")


def checked_words(words: str, *, answer: bool = False) -> str:
    """The words of a request or an answer, without blanks around them, at most MAX_WORDS long.

    Raises:
        RequestEmpty, AnswerMissing: nothing was written.

    """
    found = words.strip()[:MAX_WORDS]
    if not found:
        raise AnswerMissing if answer else RequestEmpty
    return found


def pseudonym(user_id: int) -> str:
    """What a person is called when the term of their account is over."""
    return f"已注销人员{user_id}"


def term_over(day: date, *, months: int, on: date) -> bool:
    """Whether more than so many months have passed since a day."""
    return day < add_months(on, -months)


def kept_since(months: int, *, on: date) -> datetime:
    """What happened before this instant is over its term."""
    return start_of_day(add_months(on, -months))


def devices_since(at: datetime) -> datetime:
    """Log-ins that began before this instant are over their term."""
    return at - timedelta(days=DEVICE_DAYS)
