"""What `on_fail: custom` may name in test_actions."""


def soften(text: str, reason: str) -> str:
    """Return the text without the word that the rule forbids."""
    return text.replace("lava", "rock")


def shrug(text: str, reason: str) -> str:
    """Return the text as it is."""
    return text
