"""Decorated functions and methods at a module's top level, where pickle finds them."""

from collections.abc import AsyncIterator, Iterator

from steady import steady


@steady(candidates=3)
def shout(prompt: str, seed: int = 0) -> str:
    """Say it loud."""
    return prompt.upper()


class Speaker:
    """Has a decorated method of every kind."""

    def __init__(self, mark: str = "!") -> None:
        self.mark = mark

    @steady(candidates=2)
    def say(self, prompt: str, *, seed: int = 0) -> str:
        """Say it with this speaker's mark."""
        return prompt + self.mark

    @steady(candidates=2)
    async def say_later(self, prompt: str) -> str:
        """Say it on the caller's loop."""
        return prompt + self.mark

    @steady(candidates=2)
    def parts(self, prompt: str) -> Iterator[str]:
        """Say it letter by letter."""
        yield from prompt + self.mark

    @steady(candidates=2)
    async def parts_later(self, prompt: str) -> AsyncIterator[str]:
        """Say it letter by letter, on the caller's loop."""
        for letter in prompt + self.mark:
            yield letter

    @classmethod
    @steady(candidates=2)
    def inner_class(cls, prompt: str) -> str:
        """The decorator is inside."""
        return prompt + cls.__name__

    @steady(candidates=2)  # type: ignore[arg-type]
    @classmethod
    def outer_class(cls, prompt: str) -> str:
        """The decorator is outside."""
        return prompt + cls.__name__

    @staticmethod
    @steady(candidates=2)
    def inner_static(prompt: str) -> str:
        """The decorator is inside."""
        return prompt + "?"

    @steady(candidates=2)
    @staticmethod
    def outer_static(prompt: str) -> str:
        """The decorator is outside."""
        return prompt + "?"
