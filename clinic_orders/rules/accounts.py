"""What a password must be, and how many wrong ones an account bears.

Source: NIST SP 800-63B section 3.1.1 (length and a list of common passwords instead of rules of composition);
the lock-out is a decision of this application (docs/decisions).

>>> check_password("小麦熟了六月的天", username="410325001")
>>> check_password("12345678", username="410325001")
Traceback (most recent call last):
...
clinic_orders.rules.accounts.PasswordTooCommon: This password is on every list of common passwords. Choose another, for example four words that nobody would put together.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from clinic_orders.rules.errors import N_, RuleBroken

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 128
FAILURES_UNTIL_LOCKED = 5
LOCKED_FOR = timedelta(minutes=15)

# First passwords are read from paper and typed on a phone: no vowels, so that no word comes about, and none of
# the characters that are taken for one another (0 o, 1 l i, g q 9, u v, 5 s, 2 z, 8 b).
FIRST_LETTERS = "cdfhjkmnprtwxy"
FIRST_DIGITS = "34679"
FIRST_PATTERN = (FIRST_LETTERS, FIRST_DIGITS, FIRST_LETTERS)
FIRST_GROUP = 4

# What is tried first here and stands on no list from abroad.
_TRIED_HERE = """
    0123456789 87654321 987654321 0987654321 111111111 1111111111 00000000 000000000 22222222 33333333
    44444444 55555555 66666666 77777777 88888888 888888888 99999999 12341234 12121212 13131313 123123123
    abcdefgh abcdefghi p@ssword admin1234 admin888 administrator root1234 woaini1314 woaini520 woaini521
    5201314520 52013145 20082008 19491001 wang1234 zhang123 li123456 chen1234 yibao123 yiyuan123 sanjin123
    weishengyuan weishengshi luoyang123
"""
# The 30,000 commonest passwords of leaked lists, as zxcvbn (MIT) keeps them.
_COMMON = frozenset(_TRIED_HERE.split()).union(FREQUENCY_LISTS["passwords"])


class PasswordTooShort(RuleBroken):
    """Fewer than eight characters."""

    message = N_(
        "The password has %(length)s characters; at least %(least)s are needed. A short sentence is easy to remember."
    )


class PasswordTooLong(RuleBroken):
    """More than 128 characters."""

    message = N_("The password has %(length)s characters; at most %(most)s are possible.")


class PasswordIsUsername(RuleBroken):
    """The log-in name is printed on every paper, so it is no secret."""

    message = N_("The password contains the log-in name, which many people know. Choose another.")


class PasswordTooCommon(RuleBroken):
    """On the list that is tried first."""

    message = N_(
        "This password is on every list of common passwords. Choose another, for example four words that nobody would put together."
    )


class PasswordUnchanged(RuleBroken):
    """The new password is the old one."""

    message = N_("The new password is the same as the old one. Choose another.")


class PasswordsDiffer(RuleBroken):
    """The two boxes do not agree."""

    message = N_("The two new passwords differ. Type the same one twice.")


class OldPasswordWrong(RuleBroken):
    """The person at the keyboard did not show that it is them."""

    message = N_("The present password is not right. Type the one you logged in with.")


class LogInFailed(RuleBroken):
    """The same sentence for an unknown name and a wrong password."""

    message = N_(
        "The name or the password is not right. Check capital letters and try again; after %(tries)s wrong tries the account is locked for %(minutes)s minutes."
    )


class AccountLocked(RuleBroken):
    """Too many wrong passwords; nothing is checked until the time is over."""

    message = N_(
        "After %(tries)s wrong passwords this account is locked for %(minutes)s minutes. Wait and try again, or have your county medical-security bureau set a new password."
    )


class AccountClosed(RuleBroken):
    """The password was right, but the bureau has locked the account."""

    message = N_("This account has been closed. Call your county medical-security bureau.")


class NoRoleInForce(RuleBroken):
    """The password was right, but the person belongs to no organisation today."""

    message = N_(
        "This account belongs to no organisation today. Call your county medical-security bureau and have a role assigned."
    )


def folded(text: str) -> str:
    """A password or log-in name in one form: full-width characters of Chinese keyboards become plain ones.

    >>> folded("ＡＢ１２")
    'AB12'
    """
    return unicodedata.normalize("NFKC", text)


def login_name(typed: str) -> str:
    """The form in which log-in names are compared: plain characters, no blanks around, no capitals.

    >>> login_name(" ＬＹ-0019 ")
    'ly-0019'
    """
    return folded(typed).strip().lower()


def check_password(password: str, *, username: str) -> None:
    """Raise if this cannot be the password of the account.

    Raises:
        PasswordTooShort: fewer than eight characters.
        PasswordTooLong: more than 128 characters.
        PasswordIsUsername: it contains the log-in name.
        PasswordTooCommon: it is on the list of common ones, or one character repeated.

    """
    plain = folded(password)
    if len(plain) < MIN_PASSWORD_LENGTH:
        raise PasswordTooShort(length=len(plain), least=MIN_PASSWORD_LENGTH)
    if len(plain) > MAX_PASSWORD_LENGTH:
        raise PasswordTooLong(length=len(plain), most=MAX_PASSWORD_LENGTH)
    name = login_name(username)
    if len(name) >= 4 and name in plain.lower():
        raise PasswordIsUsername()
    if plain.lower() in _COMMON or len(set(plain)) <= 2:
        raise PasswordTooCommon()


def first_password(pick: Callable[[str], str]) -> str:
    """A password for a slip of paper: three groups of four, each typed on one page of a phone's keyboard.

    Args:
        pick: chooses one character, unpredictably (``secrets.choice``).

    >>> first_password(lambda characters: characters[0])
    'cccc-3333-cccc'

    """
    return "-".join("".join(pick(characters) for _ in range(FIRST_GROUP)) for characters in FIRST_PATTERN)


def log_mark(user_id: int, secret: str) -> str:
    """By what the server's log knows an account that was refused: nothing to whoever has not the instance's key.

    >>> log_mark(12, "secret") == log_mark(12, "secret") != log_mark(12, "another")
    True
    """
    return hmac.new(secret.encode(), f"log-mark:{user_id}".encode(), sha256).hexdigest()[:16]


def token_digest(token: str) -> str:
    """How the token of a log-in is kept; 256 random bits need no slow hash.

    >>> len(token_digest("token"))
    64
    """
    return sha256(token.encode()).hexdigest()


def device_words(agent: str) -> tuple[str, str]:
    """What a browser says it is, in two words that a person recognises: the machine and the program.

    >>> device_words("Mozilla/5.0 (Linux; Android 9; HUAWEI) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36")
    ('Android', 'Chrome')
    >>> device_words("Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) MicroMessenger/8.0")
    ('iPhone', '微信')
    >>> device_words("")
    ('', '')
    """
    machines = ("iPhone", "iPad", "HarmonyOS", "Android", "Windows", "Macintosh", "Linux")
    programs = {
        "MicroMessenger": "微信",
        "HuaweiBrowser": "华为浏览器",
        "UCBrowser": "UC",
        "QQBrowser": "QQ",
        "Edg": "Edge",
        "Firefox": "Firefox",
        "Chrome": "Chrome",
        "Safari": "Safari",
    }
    machine = next((word for word in machines if word in agent), "")
    program = next((name for word, name in programs.items() if word in agent), "")
    return machine, program


def is_locked(locked_until: datetime | None, at: datetime) -> bool:
    """Whether the lock-out still holds.

    >>> is_locked(None, datetime(2026, 1, 1))
    False
    """
    return locked_until is not None and locked_until > at
