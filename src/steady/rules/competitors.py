"""The rule `competitors`: names that an answer leaves out."""

from collections.abc import Mapping
from typing import Any, ClassVar

from steady.rules.rule import EVERYWHERE, Rule
from steady.rules.wrapped import TermSearch
from steady.types import Surface

MAX_NAMES = 2_000  # names and aliases together
_ENDINGS = ("", "'s", "’s", "s", "s'", "s’")
_AFTER_S = ("", "'", "’", "'s", "’s", "es")


class Competitors(Rule, frozen=True, kw_only=True, tag="competitors"):
    """
    Names that must not appear: of competitors, of products, of people.

    Found as whole words, whatever their case, width, look-alike letters or invisible characters, with the endings of a
    possessive or plural (`Acme's`, `Acmes`). A name that is an ordinary word too (`Apple`, `Target`) is found in either
    meaning: this looks at letters. A fix puts `replace` in the place of a name with its ending; the first span of a
    finding stands for the name that its label tells.
    """

    example: ClassVar[Mapping[str, Any]] = {"names": {"Acme": ["Acme Corp", "acme.example"], "Globex": []}}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True

    names: dict[str, tuple[str, ...]]
    """Each name with the other names that it goes by."""
    endings: bool = True
    """Whether a possessive or plural ending belongs to a name; if not, `Acmes` is another word."""
    replace: str | None = "[competitor]"
    """What a fix puts in the place of a name; null: there is no fix."""

    def build(self) -> TermSearch:
        """See Rule."""
        if not self.names:
            raise ValueError("`names` is empty: name at least one.")
        if (many := sum(1 + len(aliases) for aliases in self.names.values())) > MAX_NAMES:
            raise ValueError(f"`names` holds {many} names; at most {MAX_NAMES} may be given.")
        labels: dict[str, str] = {}
        for name, aliases in self.names.items():
            for written in (name, *aliases):
                if not any(char.isalnum() for char in written):
                    raise ValueError(f"`names` holds {written!r}, which has no letter or digit.")
                for form in self._forms(written.strip()):
                    labels.setdefault(form, name)
        reason = f"The text names a competitor; leave out {self._shown()}."
        return TermSearch(labels, self.replace, reason)

    def _forms(self, written: str) -> list[str]:
        if not self.endings or not written[-1].isalpha():
            return [written]
        return [written + ending for ending in (_AFTER_S if written[-1] in "sSxXzZ" else _ENDINGS)]

    def _shown(self) -> str:
        names = list(self.names)
        return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")

    def statement(self) -> str:
        """See Rule."""
        return f"Do not name {self._shown()}."
