"""`date_format`: every date in a text is written in one way."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, ClassVar, Literal, NamedTuple

from steady.rules.rule import Match, Rule, Searching, Streams, Window

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH = "|".join(f"{name}|{name[:3]}" for name in MONTHS) + "|Sept"

_DATE = re.compile(
    r"(?<![\w./-])(?:"
    r"(?P<y1>\d{4})(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})"
    r"|(?P<a>\d{1,2})(?P<s2>[-/.])(?P<b>\d{1,2})(?P=s2)(?P<y2>\d{4})"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\ (?:of\ )?(?P<n3>{_MONTH})\.?,?\ (?P<y3>\d{{4}})"
    rf"|(?P<n4>{_MONTH})\.?\ (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?\ (?P<y4>\d{{4}})"
    r")(?![\w/-])(?!\.\d)",
    re.IGNORECASE,
)
_DIRECTIVES = {
    "%Y": r"\d{4}",
    "%m": r"(?:0[1-9]|1[0-2])",
    "%d": r"(?:0[1-9]|[12]\d|3[01])",
    "%-m": r"(?:[1-9]|1[0-2])",
    "%-d": r"(?:[1-9]|[12]\d|3[01])",
    "%B": "(?:" + "|".join(MONTHS) + ")",
    "%b": "(?:" + "|".join(name[:3] for name in MONTHS) + ")",
}
FORMATS: Mapping[str, str] = {
    "iso": "%Y-%m-%d",
    "us": "%m/%d/%Y",
    "european": "%d/%m/%Y",
    "german": "%d.%m.%Y",
    "long_us": "%B %-d, %Y",
    "long": "%-d %B %Y",
}
_TOKEN = re.compile(r"%-?[A-Za-z]|%|[^%]+")
_WIDEST = 32  # "22nd of September., 2024", and some room


class _Read(NamedTuple):
    """What a date says. `sure`: it can be read in one way only."""

    day: date | None
    sure: bool


def _month(name: str) -> int:
    return next(at for at, month in enumerate(MONTHS, 1) if month.casefold().startswith(name[:3].casefold()))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _read(hit: "re.Match[str]") -> _Read:
    """Read a date. With dots the day comes first; with slashes or dashes either may, unless only one is possible."""
    if hit["y1"]:
        return _Read(_day(int(hit["y1"]), int(hit["m1"]), int(hit["d1"])), True)
    if hit["y3"]:
        return _Read(_day(int(hit["y3"]), _month(hit["n3"]), int(hit["d3"])), True)
    if hit["y4"]:
        return _Read(_day(int(hit["y4"]), _month(hit["n4"]), int(hit["d4"])), True)
    first, second, year = int(hit["a"]), int(hit["b"]), int(hit["y2"])
    day_first, month_first = _day(year, second, first), _day(year, first, second)
    if hit["s2"] == "." or day_first is None or month_first is None or day_first == month_first:
        return _Read(day_first or (month_first if hit["s2"] != "." else None), True)
    return _Read(day_first, False)


def _written(day: date, pattern: str) -> str:
    values = {
        "%Y": f"{day.year:04d}",
        "%m": f"{day.month:02d}",
        "%d": f"{day.day:02d}",
        "%-m": str(day.month),
        "%-d": str(day.day),
        "%B": MONTHS[day.month - 1],
        "%b": MONTHS[day.month - 1][:3],
    }
    return "".join(values.get(token, token) for token in _TOKEN.findall(pattern))


class _Dates(Searching):
    """A search for dates that are written otherwise."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        tokens = _TOKEN.findall(pattern)
        self._form = re.compile("".join(_DIRECTIVES.get(token) or re.escape(token) for token in tokens))
        self._month_first = _first(tokens, ("%m", "%-m", "%B", "%b")) < _first(tokens, ("%d", "%-d"))
        self.streams: Streams = Window(_WIDEST, 2)
        self.reason = f"A date is not written as {_written(date(2024, 3, 25), pattern)}."

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        for hit in _DATE.finditer(text, start):
            read = _read(hit)
            if self._form.fullmatch(hit[0]) and self._real(hit, read):
                continue
            right = None if read.day is None or not read.sure else _written(read.day, self._pattern)
            yield Match(hit.start(), hit.end(), right)

    def _real(self, hit: "re.Match[str]", read: _Read) -> bool:
        """Whether a date in the right form is one of the calendar, read as the form has it."""
        if not hit["y2"]:
            return read.day is not None
        first, second = int(hit["a"]), int(hit["b"])
        month, day = (first, second) if self._month_first else (second, first)
        return _day(int(hit["y2"]), month, day) is not None


def _first(tokens: list[str], wanted: tuple[str, ...]) -> int:
    return next(at for at, token in enumerate(tokens) if token in wanted)


class DateFormat(Rule, frozen=True, kw_only=True, tag="date_format"):
    """
    How every date in the text is written.

    Found are dates with a year of four digits: `2024-03-25`, `25/03/2024`, `3/25/2024`, `25.3.2024`, `March 25, 2024`,
    `25th of March 2024`, months in English. A date that is not in the calendar fails.

    A fix rewrites a date that can be read in one way only: `13/02/2024`, but not `02/03/2024`, and any with a month's
    name, with the year first, or with dots (the day comes first then).
    """

    example: ClassVar[Mapping[str, Any]] = {"format": "iso", "on_fail": "fix"}
    can_fix: ClassVar[bool] = True

    format: Literal["iso", "us", "european", "german", "long_us", "long", ""] = ""
    """`iso` 2024-03-25, `us` 03/25/2024, `european` 25/03/2024, `german` 25.03.2024, `long_us` March 25, 2024, `long`
    25 March 2024."""
    pattern: str = ""
    """Or a pattern of one's own: %Y, %m, %d, %-m, %-d (no zero), %B (March), %b (Mar), and what is between."""

    def _pattern(self) -> str:
        if bool(self.format) == bool(self.pattern):
            raise ValueError("Give either `format` or `pattern`, not both and not none.")
        return FORMATS[self.format] if self.format else self.pattern

    def build(self) -> _Dates:
        """See Rule."""
        pattern = self._pattern()
        tokens = _TOKEN.findall(pattern)
        if bad := next((token for token in tokens if token[0] == "%" and token not in _DIRECTIVES), None):
            raise ValueError(f"`pattern` holds {bad!r}; known are {', '.join(_DIRECTIVES)}.")
        for what, names in (("year", ("%Y",)), ("month", ("%m", "%-m", "%B", "%b")), ("day", ("%d", "%-d"))):
            if sum(token in names for token in tokens) != 1:
                raise ValueError(f"`pattern` must name the {what} once, by {' or '.join(names)}.")
        if not _DATE.fullmatch(_written(date(2024, 12, 25), pattern)):
            raise ValueError(
                f"`pattern` {pattern!r} writes dates that this rule would not find; see the forms it knows."
            )
        return _Dates(pattern)

    def statement(self) -> str:
        """See Rule."""
        return f"Write every date like {_written(date(2024, 3, 25), self._pattern())} (25 March 2024)."
