"""Contract, section 3: what PII and secret rules matched is in no sink, wherever it came from."""

import json
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.serving import Answer, openai_like, policy, serving, sha256
from tests.upstream import Behaviour, Upstream, completion

MAIL = "canary.{}@example.com"
KEY = "sk-canary{}Zq8vXw3pLm7TnB2kRd9Yc4Hf"
PLACES = ("prompt", "candidate", "arguments", "reasoning", "upstreamerror")
CLIENT, VENDOR, HEADER = "client-key-canary-5512", "vendor-key-canary-7734", "header-canary-9921"
RULES = [
    {"rule": "no_pii", "on": ["answer", "tool_arguments", "reasoning"], "on_fail": "ACTION"},
    {"rule": "no_secrets", "on": ["answer", "tool_arguments", "reasoning"], "on_fail": "ACTION"},
]
ASKED = [{"rule": "no_pii", "id": "asked", "on": ["input"], "on_fail": "fix"}]
ACTIONS = ("fix", "filter", "reask", "refrain", "exception", "penalize", "noop")


def mail(place: str) -> str:
    return MAIL.format(place)


def secret(place: str) -> str:
    return KEY.format(place)


def both(place: str) -> str:
    return f"Write to {mail(place)} or use {secret(place)} now."


def ruled(action: str) -> dict[str, Any]:
    return policy(
        f"does-{action}".replace("_", "-"),
        model="up/m",
        candidates={"max": 2},
        rules=[*({**rule, "on_fail": action} for rule in RULES), *ASKED],
    )


def said(body: Any) -> Behaviour:
    """Answer with canaries everywhere, or fail with them."""
    if "fail" in str(body["messages"][-1]["content"]):
        error = {"message": both("upstreamerror"), "type": "x", "param": None, "code": "mock"}
        return Behaviour((json.dumps({"error": error}).encode(),), 400)
    call = {"id": "c", "type": "function", "function": {"name": "send", "arguments": json.dumps(both("arguments"))}}
    message = {
        "role": "assistant",
        "content": both("candidate"),
        "reasoning_content": both("reasoning"),
        "tool_calls": [call],
    }
    return Behaviour((json.dumps(completion(message)).encode(),))


class Sinks(NamedTuple):
    """Everything that came out, by the name of the sink."""

    texts: dict[str, str]
    statuses: dict[str, int]


def shown(answer: Answer) -> str:
    return json.dumps(answer.headers) + answer.body.decode()


@pytest.fixture(scope="module")
def sinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sinks]:
    """All that a server lets out while canaries go through it under every action."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "key.txt").write_text(VENDOR)
    records: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(self.format(record))

    root, handler = logging.getLogger(), Keep(0)
    before = root.level
    root.addHandler(handler)
    root.setLevel(0)
    texts: dict[str, str] = {}
    statuses: dict[str, int] = {}
    try:
        with Upstream() as up:
            up.choose = said
            config = {
                "providers": {"up": openai_like(up, key={"file": "key.txt"})},
                "keys": [{"sha256": sha256(CLIENT), "tenant": "acme"}],
            }
            with serving(folder, config, [ruled(action) for action in ACTIONS]) as steady:
                for action in ACTIONS:
                    for stream in (False, True):
                        for text in (both("prompt"), f"fail {mail('prompt')}"):
                            name = f"{action}{' stream' if stream else ''}{' fail' if 'fail' in text else ''}"
                            answer = steady.chat(
                                text,
                                model=f"does-{action}",
                                stream=stream,
                                steady={"explain": True},
                                key=CLIENT,
                                headers={"x-canary": HEADER, "cookie": HEADER},
                            )
                            texts[f"answer {name}"], statuses[name] = shown(answer), answer.status
                            if answer.headers.get("x-steady-receipt", "none") != "none":
                                texts[f"receipt {name}"] = json.dumps(steady.receipt(answer, key=CLIENT))
                texts["metrics"] = steady.get("/metrics").body.decode()
                texts["ready"] = steady.get("/readyz").body.decode()
                texts["wrong key"] = shown(steady.chat("x", model="does-fix", key=CLIENT + "x"))
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    texts["log"] = "\n".join(records)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "key.txt"]
    texts["files"] = "".join(path.read_bytes().decode("latin-1") for path in files if ".db" not in path.name)
    texts["store"] = "".join(path.read_bytes().decode("latin-1") for path in files if ".db" in path.name)
    yield Sinks(texts, statuses)


ENFORCED = ("fix", "filter", "reask", "refrain", "exception")


def test_there_are_sinks_to_look_into(sinks: Sinks) -> None:
    """A search of nothing finds nothing."""
    assert sum(name.startswith("receipt ") for name in sinks.texts) >= len(ACTIONS)
    assert all(len(text) > 20 for name, text in sinks.texts.items() if name != "log")
    assert sinks.statuses["fix"] in (200, 422)
    assert sinks.statuses["fix fail"] == 400
    assert "explain" in sinks.texts["answer noop"]


@pytest.mark.parametrize("place", PLACES)
def test_what_was_matched_is_in_no_answer_explain_error_receipt_metric_or_log(sinks: Sinks, place: str) -> None:
    """Under every enforced action, streamed or not; kind, span and keyed hash stand for it."""
    for name, text in sinks.texts.items():
        unenforced = name.removeprefix("answer ").startswith(("penalize", "noop")) and "fail" not in name
        if name == "store" or unenforced:  # the store keeps content under `record: full`; such answers are released
            continue
        for canary in (mail(place), secret(place)):
            assert canary not in text, f"{name}: {text[max(0, text.find(canary) - 200) : text.find(canary) + 80]}"


@pytest.mark.parametrize("action", ["penalize", "noop"])
def test_an_answer_that_may_pass_still_shows_nothing_in_explain(sinks: Sinks, action: str) -> None:
    steady = json.dumps(
        json.loads(sinks.texts[f"answer {action}"][sinks.texts[f"answer {action}"].index("}{") + 1 :])["steady"]
    )

    assert "explain" in steady
    for place in PLACES:
        assert mail(place) not in steady
        assert secret(place) not in steady


def test_evidence_carries_kind_span_and_a_keyed_hash(sinks: Sinks) -> None:
    text = sinks.texts["answer noop"]
    explained = json.loads(text[text.index("}{") + 1 :])["steady"]["explain"]["candidates"][0]
    found = [verdict for verdict in explained["verdicts"] if verdict["rule"] == "no_pii" and not verdict["passed"]]

    assert found
    assert all(verdict["spans"] and len(verdict["hashes"]) == len(verdict["spans"]) for verdict in found)
    assert all(len(digest) == 16 for verdict in found for digest in verdict["hashes"])


@pytest.mark.parametrize("canary", [CLIENT, VENDOR, HEADER])
def test_no_key_and_no_header_is_in_any_sink_the_store_included(sinks: Sinks, canary: str) -> None:
    for name, text in sinks.texts.items():
        assert canary not in text, name
