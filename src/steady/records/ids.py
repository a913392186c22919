"""Names of receipts that nobody can guess."""

from base64 import urlsafe_b64encode
from os import urandom

PREFIX = "rcpt_"


def new_id() -> str:
    """Return a fresh receipt id: `rcpt_` and 128 random bits as 22 characters of URL-safe base64."""
    return PREFIX + urlsafe_b64encode(urandom(16))[:22].decode("ascii")
