"""Words that this program must be able to say again but that must not stand in the database in plain letters.

Sealed with a key made of the application's own (Fernet: AES and HMAC), one for each purpose. On another machine with
another key they can't be opened any more; whoever keeps such words must be able to have new ones made.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class CannotOpen(Exception):
    """It was sealed with another key, or changed."""


def _box(key: str, purpose: str) -> Fernet:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return Fernet(base64.urlsafe_b64encode(made.derive(key.encode())))


def seal(word: str, *, key: str, purpose: str) -> str:
    """A word as it may be kept.

    >>> unseal(seal("whsec_1", key="k", purpose="webhooks"), key="k", purpose="webhooks")
    'whsec_1'
    """
    return _box(key, purpose).encrypt(word.encode()).decode()


def unseal(kept: str, *, key: str, purpose: str) -> str:
    """The word that was sealed.

    Raises:
        CannotOpen: it was sealed with another key, for another purpose, or changed.

    """
    try:
        return _box(key, purpose).decrypt(kept.encode()).decode()
    except InvalidToken as error:
        raise CannotOpen from error
