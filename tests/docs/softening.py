"""What `on_fail: custom` and the rule `python` may name in test_actions."""

from typing import Any

__all__ = ("bow", "broken", "cooled", "fine", "shrug", "soften")


def soften(text: str, reason: str) -> str:
    """Return the text without the word that the rule forbids."""
    return text.replace("lava", "rock")


def shrug(text: str, reason: str) -> str:
    """Return the text as it is."""
    return text


def bow(text: str, reason: str) -> str:
    """Return another greeting."""
    return "Good day"


def fine(text: str, about: dict[str, Any]) -> bool:
    """Pass everything."""
    return True


def cooled(text: str, about: dict[str, Any]) -> dict[str, Any]:
    """Fail what is hot, and say what it should be."""
    return {"passed": "hot" not in text, "reason": "too hot", "fix": text.replace("hot", "cold")}


def broken(text: str, about: dict[str, Any]) -> bool:
    """Raise."""
    raise ValueError(text)
