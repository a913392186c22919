"""What the tests of the official clients ask, and under which policies."""

import base64
from typing import Any

from pydantic import BaseModel
from tests.serving import policy

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
PLACE = '{"city": "Paris", "people": 2}'
TOOL: Any = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": PLACE}}],
}
HELLO: Any = [{"role": "user", "content": "Hello"}]
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG not really").decode()
POLICIES = [
    policy(
        "ruled", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"], "replace": "stone", "on_fail": "fix"}]
    ),
    policy("voting", model="up/m", sampling={"preset": "balanced"}, candidates={"min": 3, "max": 3}),
    policy(
        "polite",
        model="up/m",
        rules=[{"rule": "excludes", "terms": ["lava"], "on_fail": "filter"}],
        otherwise={"do": "message", "text": "I can't say that."},
    ),
    policy("strict", model="up/m", rules=[{"rule": "excludes", "terms": ["lava"], "on_fail": "exception"}]),
]


class Place(BaseModel):
    """What a user's code asks for."""

    city: str
    people: int
