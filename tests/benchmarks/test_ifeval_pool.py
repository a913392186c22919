"""The record of what a model said: asked once, read back for ever, whole after any interruption."""

import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from benchmarks.ifeval.pool import Heard, Recorded, Said, call_key, opened, read

from steady.errors import ProviderError
from steady.providers.capabilities import capabilities
from steady.providers.scripted import ScriptedProvider
from steady.types import Call, Provider

Begin = Callable[[Provider | None], Recorded]
ABLE = capabilities("embedded", "m")


def call(seed: int = 1, text: str = "Hello", **fields: object) -> Call:
    body = {"messages": [{"role": "user", "content": text}], "seed": seed, **fields}
    return Call(provider="local", model="m", body=body, timeout=5)


@pytest.fixture
async def record(tmp_path: Path) -> AsyncIterator[Begin]:
    """Open one file behind any provider, again and again; whatever is open at the end is closed."""
    made: list[Recorded] = []

    def begin(behind: Provider | None) -> Recorded:
        made.append(Recorded(tmp_path / "pool.jsonl", behind, ABLE))
        return made[-1]

    yield begin
    for one in made:
        await one.aclose()


def text_of(reply: object) -> str:
    content = reply.body["choices"][0]["message"]["content"]  # type: ignore[attr-defined]
    assert isinstance(content, str)
    return content


async def test_an_equal_call_is_asked_once(record: Begin) -> None:
    model = ScriptedProvider(["one", "two"])
    recorded = record(model)
    assert [text_of(await recorded.complete(call())) for _ in range(3)] == ["one"] * 3
    assert len(model.calls) == recorded.asked == 1


@pytest.mark.parametrize(
    "other", [call(2), call(text="Bye"), call(temperature=0.7), call(grammar="root ::= [a-z]"), call(stop=["x"])]
)
async def test_a_call_that_differs_in_anything_sent_is_another(record: Begin, other: Call) -> None:
    model = ScriptedProvider(["one", "two"])
    recorded = record(model)
    await recorded.complete(call())
    assert text_of(await recorded.complete(other)) == "two"


async def test_a_call_that_differs_only_in_its_patience_is_the_same(record: Begin) -> None:
    """The deadline that is left differs from run to run; what is said must not."""
    recorded = record(ScriptedProvider(["one", "two"]))
    await recorded.complete(call())
    assert text_of(await recorded.complete(msgspec.structs.replace(call(), timeout=1.5))) == "one"


def test_the_order_of_fields_does_not_matter() -> None:
    assert call_key("m", {"seed": 1, "stop": ["x"]}) == call_key("m", {"stop": ["x"], "seed": 1})
    assert call_key("m", {"seed": 1}) != call_key("n", {"seed": 1})


async def test_another_run_asks_nothing_that_is_recorded(record: Begin) -> None:
    first = record(ScriptedProvider(["one"]))
    told = await first.complete(call())
    await first.aclose()
    again = record(None)
    assert (await again.complete(call())).body == told.body
    assert again.asked == 0


async def test_without_a_model_what_is_not_recorded_is_an_error(record: Begin, tmp_path: Path) -> None:
    recorded = record(None)
    with pytest.raises(ProviderError, match="not recorded"):
        await recorded.complete(call())
    assert not (tmp_path / "pool.jsonl").exists(), "reading must leave nothing behind"


def test_without_a_model_the_capabilities_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="capabilities"):
        Recorded(tmp_path / "pool.jsonl", None)


@pytest.mark.parametrize("cut", [1, 5, 40])
async def test_a_line_that_was_cut_off_is_asked_again(record: Begin, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "pool.jsonl"
    first = record(ScriptedProvider(["one", "two"]))
    await first.complete(call(1))
    await first.complete(call(2))
    await first.aclose()
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read(path)) == 1
    again = record(ScriptedProvider(["three"]))
    assert text_of(await again.complete(call(1))) == "one"
    assert text_of(await again.complete(call(2))) == "three"
    await again.aclose()
    assert [said.text for said in read(path).values()] == ["one", "three"]


def test_a_killed_process_loses_at_most_the_call_it_was_in(tmp_path: Path) -> None:
    program = """
        import asyncio, os, signal, sys
        from pathlib import Path
        from benchmarks.ifeval.pool import Recorded
        from steady.providers.scripted import ScriptedProvider
        from steady.types import Call

        async def main():
            recorded = Recorded(Path(sys.argv[1]), ScriptedProvider(["said"]))
            for seed in range(3):
                body = {"messages": [], "seed": seed}
                await recorded.complete(Call(provider="local", model="m", body=body, timeout=5))
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """
    path = tmp_path / "pool.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == -9
    assert len(read(path)) == 3
    opened(path).close()  # and the lock is free again


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    held = opened(tmp_path / "pool.jsonl")
    with pytest.raises(BlockingIOError):
        opened(tmp_path / "pool.jsonl")
    held.close()
    opened(tmp_path / "pool.jsonl").close()


async def test_texts_come_back_as_they_were(record: Begin) -> None:
    """A separator of lines within a text must not cut its record in two."""
    texts = ["a\nb\u2028c\x85d\r\n", "", "कखग \U0001f600", '"\\']
    first = record(ScriptedProvider(texts))
    for seed in range(len(texts)):
        await first.complete(call(seed))
    await first.aclose()
    again = record(None)
    assert [text_of(await again.complete(call(seed))) for seed in range(len(texts))] == texts


async def test_what_was_cut_at_its_length_is_told_so_again(record: Begin) -> None:
    line = {"finish_reason": "length", "message": {"content": "and so on and"}}
    first = record(ScriptedProvider([line]))
    await first.complete(call())
    await first.aclose()
    reply = await record(None).complete(call())
    assert reply.body["choices"][0]["finish_reason"] == "length"


async def test_what_is_heard_is_counted_for_each_request_apart(record: Begin) -> None:
    recorded = record(ScriptedProvider(["one two three"]))
    first, second = Heard(recorded, ABLE), Heard(recorded, ABLE)
    await first.complete(call(1))
    await first.complete(call(2))
    await second.complete(call(1))
    assert [one.completion for one in first.said] == [3, 3]
    assert len(second.said) == 1
    assert recorded.asked == 2


async def test_a_record_keeps_what_was_sent_but_its_messages(record: Begin, tmp_path: Path) -> None:
    recorded = record(ScriptedProvider(["one"]))
    await recorded.complete(call(7, temperature=0.7))
    await recorded.aclose()
    (said,) = read(tmp_path / "pool.jsonl").values()
    assert isinstance(said, Said)
    assert said.sent == {"seed": 7, "temperature": 0.7}
    assert said.seconds >= 0


async def test_nothing_recorded_streams(record: Begin) -> None:
    recorded = record(None)
    with pytest.raises(ProviderError, match="stream"):
        recorded.stream(call())
    with pytest.raises(ProviderError, match="stream"):
        Heard(recorded, ABLE).stream(call())
    assert await Heard(recorded, ABLE).ready() is None
