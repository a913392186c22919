"""What the escapes of JSON spell: whoever parses a text reads them, so whatever searches it has to."""

import re

_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def unescaped(text: str) -> str:
    """Return JSON text with its escapes read, as a search has to see it: `ann\\u0040example.com` is an address."""

    def read(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2])

    return _ESCAPE.sub(read, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
