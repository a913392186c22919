"""Patterns of other dialects, said in RE2's. What RE2 has no word for stays, and is refused when the rule is built."""

import re

_SCRIPT = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)
_ASCII = re.compile(r"\\[wdsbWDSB]")
ASCII_ONLY = r"\w, \d, \s and \b know ASCII only here; other scripts' letters, digits and spaces are not among them"


def of_python(pattern: str, *, whole: bool = False) -> str:
    r"""
    Return a pattern of Python's `re` for a search, or for the whole text.

    `\Z` is the end; a `$` at the end also holds before a last newline (where the whole text must match it does not).
    """
    out = re.sub(r"(?<!\\)((?:\\\\)*)\\Z", r"\1\\z", pattern)
    if not whole and re.search(r"(?<!\\)(?:\\\\)*\$\Z", out) and not re.match(r"\(\?[a-z]*m", out):
        out = out[:-1] + r"\n?\z"
    return out


def of_javascript(pattern: str, *, slashes: bool = False) -> tuple[str, str]:
    """
    Return a pattern of JavaScript, and its flags.

    Args:
        pattern: The pattern, without slashes unless `slashes`.
        slashes: Whether `/pattern/flags` is read as such.
    """
    flags = ""
    if slashes and (found := _SCRIPT.fullmatch(pattern)):
        pattern, flags = found[1], found[2]
    out = (
        pattern.replace(r"\/", "/").replace("(?<", "(?P<")
        if "(?<=" not in pattern and "(?<!" not in pattern
        else pattern
    )
    kept = "".join(flag for flag in "ims" if flag in flags)
    return (f"(?{kept})" if kept else "") + out, flags


def knows_ascii_only(pattern: str) -> bool:
    """Whether it holds a class that RE2 knows in ASCII only."""
    return _ASCII.search(pattern) is not None


def always_matches(pattern: str) -> bool:
    """Whether it matches the empty text, so that a search for it finds something in every text."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search("") is not None
    except re2.error:
        return False
