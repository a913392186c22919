"""
GBNF grammars: what an answer may be, told to a llama.cpp sampler.

Only the choice between texts is written here; a JSON Schema goes to the model as `response_format`.
"""

from collections.abc import Sequence

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}


def literal(text: str) -> str:
    """
    Return `text` as one quoted GBNF literal in ASCII.

    Raises:
        ValueError: If the text holds NUL or a lone surrogate, which no GBNF literal can say.
    """
    return '"' + "".join(map(_escaped, text)) + '"'


def choices_grammar(choices: Sequence[str]) -> str:
    """
    Return a GBNF grammar whose language is exactly these texts.

    Args:
        choices: At least one text; repeated ones are written once. One may be the beginning of another.

    Raises:
        ValueError: If `choices` is empty or one of them can't be said in GBNF (see `literal`).
    """
    if not choices:
        raise ValueError("choices_grammar() needs at least one text.")
    return "root ::= " + " | ".join(literal(choice) for choice in dict.fromkeys(choices)) + "\n"


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code == 0 or 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"a choice holds U+{code:04X}, which no grammar can say; remove it")
    if 0x20 <= code < 0x7F:
        return character
    # Escapes keep the grammar independent of how the parser decodes bytes.
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
