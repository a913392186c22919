"""A running Steady, and traffic that makes something of every kind happen in it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.serving import Served, label, policy, serving
from tests.upstream import SSE_TYPE, Behaviour, Upstream, chunks_of, completion, sse

MODEL = "up/gpt-4o"  # a name with a known price
DRAWS = {  # what a question's successive candidates say; the number agrees with the next to nothing, half, or all
    "agree": ["spam"],
    "differ": ["spam", "spam", "spam", "ham", "ham"],
    "lava": ["hot lava"],
    "plain": ["a plain answer"],
}
LAVA = {"rule": "excludes", "terms": ["lava"]}
POLICIES = [
    label("support-answer", model=MODEL),
    label("early", model=MODEL, candidates={"min": 4, "max": 8, "wave": 2}),
    policy("fixing", model=MODEL, rules=[{**LAVA, "replace": "stone", "on_fail": "fix"}]),
    policy(
        "polite",
        model=MODEL,
        rules=[{**LAVA, "on_fail": "filter"}, {"rule": "length", "words": {"max": 1}, "mode": "shadow"}],
        otherwise={"do": "message", "text": "No answer."},
    ),
    policy("strict", model=MODEL, rules=[{**LAVA, "on_fail": "exception"}]),
    policy(
        "guarded",
        model=MODEL,
        rules=[{**LAVA, "id": "asked", "on": ["input"], "on_fail": "refrain"}],
        otherwise={"do": "message", "text": "Not that."},
    ),
    policy(
        "broken",
        model=MODEL,
        rules=[{"rule": "guardrails", "validator": "json.absent:Thing", "on_fail": "noop"}],
    ),
    policy("hasty", model=MODEL, candidates={"deadline": "200ms"}, rules=[LAVA]),
]
ASKED = [  # policy or model, question, streamed
    ("support-answer", "agree", False),
    ("support-answer", "differ", True),
    ("early", "agree", False),
    ("fixing", "lava", False),
    ("fixing", "lava", True),
    ("polite", "lava", False),
    ("polite", "plain", True),
    ("strict", "lava", False),
    ("guarded", "lava", False),
    ("broken", "plain", False),
    ("hasty", "slow", False),
    (MODEL, "plain", False),
    (MODEL, "plain", True),
    (MODEL, "fail 400", False),
    (MODEL, "fail 429", False),
    (MODEL, "fail 500", False),
    (MODEL, "nonsense", False),
    ("fixing", "once 503", False),
]


class Mouth:
    """Decides what the upstream says to each question. Calls arrive in threads of the upstream's one loop."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def __call__(self, body: Any) -> Behaviour:
        asked = body["messages"][-1]["content"]
        at = self._said[asked] = self._said.get(asked, -1) + 1
        if asked.startswith("fail ") or (asked == "once 503" and at % 2 == 0):
            error = {"message": "no", "type": "mock", "param": None, "code": "mock"}
            return Behaviour((json.dumps({"error": error}).encode(),), int(asked[5:]))
        if asked == "nonsense":
            return Behaviour((b"<html>",))
        if asked == "slow":
            return Behaviour((json.dumps(completion("late")).encode(),), delay=2)
        if asked == "endless":
            events = sse(chunks_of(completion("word " * 50))).split(b"\n\n")
            return Behaviour(tuple(event + b"\n\n" for event in events if event), 200, SSE_TYPE, 0, 0.05)
        draws = DRAWS.get(asked, ["fine"])
        return Behaviour((json.dumps(completion(draws[at % len(draws)])).encode(),))


@contextmanager
def busy_steady(folder: Path) -> Iterator[tuple[Served, Callable[[], None]]]:
    """Serve, with the store on; yields the server and a function that makes the traffic of one busy moment."""
    with Upstream() as up:
        up.choose = Mouth()
        provider = {"kind": "openai", "base_url": up.url, "retries": 1, "capabilities": {"n": 1}}
        with serving(folder, {"providers": {"up": provider}}, POLICIES) as steady:

            def one(model: str, asked: str, streamed: bool) -> None:
                steady.chat(asked, model=model, **({"stream": True} if streamed else {}))

            def work() -> None:
                threads = [threading.Thread(target=one, args=request) for request in ASKED]
                for thread in threads:
                    thread.start()
                steady.chat("plain", model=MODEL, temperature=-1)
                body = {"model": "fixing", "stream": True, "messages": [{"role": "user", "content": "endless"}]}
                with steady.socket(body) as gone:
                    gone.recv(1)
                for thread in threads:
                    thread.join()

            yield steady, work
