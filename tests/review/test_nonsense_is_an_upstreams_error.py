"""Chunks of a wrong shape once crashed the request instead of being told as the upstream's nonsense."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Served, openai_like, policy, serving
from tests.upstream import Upstream, completion, sse

TEXT = "The quick brown fox jumps over the lazy dog. " * 20
RULE = {"rule": "excludes", "terms": ["forbidden"], "on_fail": "exception"}


def live(folder: Path, up: Upstream) -> AbstractContextManager[Served]:
    return serving(folder, {"providers": {"up": openai_like(up)}}, [policy("live", model="up/m", rules=[RULE])])


def chunk(delta: Any, index: Any = 0) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": None}]}


@pytest.mark.parametrize(
    "bad", [chunk([1]), chunk("x"), chunk({"tool_calls": "x"}), chunk({"tool_calls": [5]}), chunk({}, "0")]
)
def test_a_delta_of_a_wrong_shape_is_the_upstreams_error_before_and_amid_a_stream(tmp_path: Path, bad: Any) -> None:
    with Upstream() as up, live(tmp_path, up) as steady:
        up.stream(sse([bad]))
        early = steady.chat(model="live", stream=True)
        up.clear()
        up.stream(sse([chunk({"content": TEXT}), bad]))
        late = steady.chat(model="live", stream=True)

    assert early.status == 502
    assert early.error["code"] == "upstream_invalid_response"
    assert late.status == 200
    assert late.streamed
    assert late.events[-1]["error"]["code"] == 502


@pytest.mark.parametrize("calls", ["x", [5], {"function": {"name": "f"}}])
def test_tool_calls_of_a_wrong_shape_are_the_upstreams_error(tmp_path: Path, calls: Any) -> None:
    whole = json.dumps(completion({"role": "assistant", "content": "ok", "tool_calls": calls}))
    with Upstream() as up, live(tmp_path, up) as steady:
        up.raw(whole, content_type="application/json; charset=utf-8")
        answers = [steady.chat(model=model, stream=stream) for model in ("live", "up/m") for stream in (False, True)]

    assert [a.status for a in answers] == [502] * 4


def test_content_in_parts_behind_streamed_reasoning_is_not_lost(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "Paris."}]
    with Upstream() as up, live(tmp_path, up) as steady:
        up.stream(sse([chunk({"reasoning": TEXT}), chunk({"content": parts})]))
        answer = steady.chat(model="live", stream=True)

    deltas = [c["delta"] for event in answer.events for c in event["choices"]]
    assert "".join(delta.get("reasoning") or "" for delta in deltas) == TEXT
    assert [delta["content"] for delta in deltas if delta.get("content")] == [parts]
