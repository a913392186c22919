"""What rules act on: a candidate's choice, or the input. Both are texts at places, of which some may be replaced."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

from steady.pipeline.pieces import Path, input_pieces, pieces_of, too_deep, with_input_texts, with_texts, without
from steady.rules.rule import Rule
from steady.types import Piece


class Body(Protocol):
    """Never changed: a fix makes a new one."""

    deep: bool  # it nests deeper than rules look, so none of them can pass it
    whole: bool  # a surface that is absent is worth a verdict

    def pieces(self, rule: Rule) -> list[Piece]:
        """Return the texts that a rule looks at."""
        ...

    def changed(self, texts: Mapping[Path, str]) -> Self:
        """Return it with the texts at these places replaced."""
        ...

    def without(self, piece: Piece) -> Self:
        """Return it without the block that holds a piece."""
        ...


class Said:
    """A choice, as a model gave it."""

    whole = True

    def __init__(self, choice: dict[str, Any]) -> None:
        self.choice = choice
        self.deep = too_deep(choice)
        self._pieces = pieces_of(choice)

    def pieces(self, rule: Rule) -> list[Piece]:
        """See Body."""
        surfaces = rule.surfaces
        return [piece for piece in self._pieces if piece.surface in surfaces]

    def changed(self, texts: Mapping[Path, str]) -> "Said":
        """See Body."""
        return Said(with_texts(self.choice, dict(texts)))

    def without(self, piece: Piece) -> "Said":
        """See Body."""
        return Said(without(self.choice, piece.path))


class Heard:
    """The messages of a request. A piece's path begins with `messages` and the message's number."""

    deep = False
    whole = False

    def __init__(self, messages: tuple[dict[str, Any], ...]) -> None:
        self.messages = messages

    def pieces(self, rule: Rule) -> list[Piece]:
        """See Body: those of the roles and turns that the rule names."""
        found = input_pieces(self.messages, scope=rule.scope, roles=rule.roles)
        return [text.piece._replace(path=("messages", text.message, *text.piece.path)) for text in found]

    def changed(self, texts: Mapping[Path, str]) -> "Heard":
        """See Body."""
        messages = list(self.messages)
        for path, text in texts.items():
            at = int(path[1])
            messages[at] = with_input_texts(messages[at], {path[2:]: text})
        return Heard(tuple(messages))

    def without(self, piece: Piece) -> "Heard":
        """See Body. Nothing in the input is withheld as a block."""
        return self
