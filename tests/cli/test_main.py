"""The command line as a whole: help to work from, one line for a failure, a quiet end when nobody reads."""

import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.cli.terminal import CALM, environment, place, process, steady

from steady.cli.main import cli


def _commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in _commands()]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_has_an_example_that_parses(tmp_path: Path, path: tuple[str, ...], command: click.Command) -> None:
    said = steady(tmp_path, *path, "--help")
    example = re.search(r"Example: steady (.+)", said.out)

    assert said.code == 0 and example, said.out
    words = shlex.split(re.sub(r" > .*", "", example[1]))
    assert tuple(words[: len(path)]) == path
    command.make_context(path[-1], words[len(path) :])  # raises a UsageError for an example that does not work


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_tells_what_every_argument_and_option_is(
    tmp_path: Path, path: tuple[str, ...], command: click.Command
) -> None:
    shown = " ".join(steady(tmp_path, *path, "--help").out.split())

    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.opts[0] in shown
        elif not isinstance(parameter.type, click.Choice):
            name = (parameter.metavar or parameter.name or "").rstrip(".").upper()
            assert shown.count(name) >= 2 or "FILE:LINE" in shown, f"{name} stands in the usage line only"


@pytest.mark.parametrize("path", ["run", "check", "replay", "serve", "demo", "model pull"])
def test_help_says_the_exit_codes_where_they_matter(tmp_path: Path, path: str) -> None:
    shown = steady(tmp_path, *path.split(), "--help").out

    assert re.search(r"Exit \d+", shown)


def test_help_of_replay_names_all_four_ends(tmp_path: Path) -> None:
    shown = steady(tmp_path, "replay", "--help").out

    assert all(f" {code}: " in shown for code in (0, 1, 2, 3))


def test_the_list_of_commands_cuts_no_sentence_off(tmp_path: Path) -> None:
    for args in (["--help"], ["model", "--help"]):
        assert "..." not in steady(tmp_path, *args).out.replace("COMMAND [ARGS]...", "")


def test_a_misspelt_command_is_told_with_the_nearest(tmp_path: Path) -> None:
    said = process(tmp_path, "serv")

    assert said.code == 2 and said.out == ""
    assert said.line.startswith("steady: No command 'serv'. Did you mean 'serve'? Known: check, demo, ")


def test_a_misspelt_command_of_a_group_is_told_with_the_nearest(tmp_path: Path) -> None:
    said = steady(tmp_path, "model", "pul")

    assert (said.code, said.out) == (2, "") and "Did you mean 'pull'?" in said.line


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["run"], "Missing argument 'PROMPT'"),
        (["run", "hi", "--jsn"], "--json"),
        (["run", "hi", "--n", "-3"], "-3 is not in the range"),
        (["run", "hi", "--n", "99999999999999999999"], "not in the range"),
        (["serve", "--port", "70000"], "70000 is not in the range"),
        (["schema", "polcy"], "'policy', 'config'"),
        (["check"], "Missing argument"),
    ],
)
def test_wrong_words_are_one_line_that_names_the_help(tmp_path: Path, args: list[str], word: str) -> None:
    said = steady(tmp_path, *args)

    assert (said.code, said.out) == (2, "")
    assert word in said.line and f"See `steady {args[0]} --help`." in said.line


def test_no_command_shows_the_help_without_an_error_before_it(tmp_path: Path) -> None:
    said = process(tmp_path)

    assert said.code == 2 and said.err.startswith("Usage: steady ")


def test_the_version_is_the_distributions(tmp_path: Path) -> None:
    from importlib.metadata import version

    assert version("steady-llm") in steady(tmp_path, "--version").out


CRASH = """
import click
from steady.cli.main import cli, main

@cli.command()
def crash():
    raise ZeroDivisionError("a ratio\\nof nothing")

main(["crash"])
"""


def _crash(tmp_path: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CRASH], cwd=tmp_path, env=environment(**env), capture_output=True, text=True
    )


def test_a_fault_of_our_own_is_one_line_that_names_its_type_and_asks_for_a_report(tmp_path: Path) -> None:
    """A traceback tells a user nothing; that it is not their mistake does."""
    made = _crash(tmp_path)

    assert made.returncode == 70 and made.stdout == ""
    assert made.stderr.splitlines() == [
        "steady: A fault of Steady's own: ZeroDivisionError: a ratio of nothing. "
        "Please report it with what STEADY_DEBUG=1 shows."
    ]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback (most recent call last)" in _crash(tmp_path, STEADY_DEBUG="1").stderr


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    """`steady policies | head -1` must not end in a traceback, nor say "no acceptable answer" by its exit code."""
    place(tmp_path, ["x"], CALM)
    with subprocess.Popen(
        [sys.executable, "-m", "steady.cli", "policies"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        err = running.stderr.read()

    assert (running.returncode, err) == (141, b"")


def test_a_letter_that_the_terminal_can_not_show_is_escaped(tmp_path: Path) -> None:
    place(tmp_path, ["Hello 漢"], CALM)
    said = process(tmp_path, "run", "hi", "--policy", "calm", PYTHONIOENCODING="latin-1")

    assert (said.code, said.out) == (0, "Hello \\u6f22\n")


def test_many_problems_are_one_line_that_says_how_to_see_all(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM, sotre={}, server={"prt": 1})
    said = steady(tmp_path, "run", "hi")

    assert said.code == 2
    assert "sotre: no field 'sotre'. Did you mean 'store'?" in said.line
    assert said.line.endswith(f"(and 1 more: `steady check {tmp_path / 'steady.yaml'}`)")


@pytest.mark.parametrize(
    "args", [["run", "hi"], ["policies"], ["replay", "rcpt_x"], ["serve"]], ids=lambda args: args[0]
)
def test_a_configuration_that_is_not_there_is_one_line(tmp_path: Path, args: list[str]) -> None:
    said = steady(tmp_path, *args, "--config", "gone.yaml")

    assert said.code == 2
    assert said.line == "steady: gone.yaml: can't be read: No such file or directory."


def test_the_environments_configuration_holds(tmp_path: Path) -> None:
    said = process(tmp_path, "policies", STEADY_CONFIG="elsewhere.yaml")

    assert said.code == 2 and said.line.startswith("steady: elsewhere.yaml: can't be read")


def test_broken_yaml_is_one_line_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "steady.yaml").write_text("steady: 1\nproviders: {s: {kind: scripted\n")
    said = process(tmp_path, "run", "hi")

    assert said.code == 2
    assert said.line.startswith(f"steady: {tmp_path / 'steady.yaml'}:3: not YAML: ")


@pytest.mark.parametrize("args", [["run", "hi"], ["replay", "rcpt_x"], ["serve", "--check"]], ids=lambda args: args[0])
def test_a_store_that_can_not_be_read_is_one_line(tmp_path: Path, args: list[str]) -> None:
    place(tmp_path, ["x"], CALM)
    (tmp_path / "receipts.db").write_text("no database, though long enough to be read as one. " * 100)
    said = steady(tmp_path, *args)

    assert said.code == 2
    assert "receipts.db: not a database" in said.line and said.line.endswith("Move it away or name another file.")


def test_a_store_that_is_a_folder_is_one_line(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM, store={"path": "."})

    assert "A store needs the path of a file" in steady(tmp_path, "run", "hi").line


def test_a_missing_script_is_one_line(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    (tmp_path / "replies.yaml").unlink()
    said = steady(tmp_path, "run", "hi", "--policy", "calm")

    assert said.code == 2 and "replies.yaml: the script can't be read: No such file" in said.line


@pytest.mark.parametrize("args", [["run", "hi"], ["serve"]], ids=lambda args: args[0])
def test_a_missing_model_file_is_one_line_that_says_what_to_do(tmp_path: Path, args: list[str]) -> None:
    place(
        tmp_path,
        ["x"],
        {**CALM, "model": "l/gone.gguf"},
        providers={"l": {"kind": "embedded", "models": ["gone.gguf"]}},
    )
    said = steady(tmp_path, *args)

    assert said.code == 2
    assert "The model file gone.gguf can't be read" in said.line and "steady model pull smollm2-135m" in said.line


def test_a_key_that_is_not_set_is_named_by_its_variable(tmp_path: Path) -> None:
    place(tmp_path, ["x"], providers={"o": {"kind": "openai", "key": {"env": "NOT_SET_HERE"}, "models": ["m"]}})

    assert "NOT_SET_HERE is not set" in steady(tmp_path, "run", "hi", "--model", "m").line


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    import socket

    place(tmp_path, ["x"], CALM)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = process(tmp_path, "serve", "--port", port)

    assert said.code == 2
    assert said.line == (
        f"steady: Can't listen on 127.0.0.1:{port}: Address already in use. "
        "Stop what uses it, or choose another --port."
    )


def test_serving_beyond_loopback_without_keys_is_refused_in_one_line(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    said = steady(tmp_path, "serve", "--host", "0.0.0.0")

    assert said.code == 2 and "Refusing to listen on 0.0.0.0 without client keys" in said.line


def test_serve_check_loads_everything_and_serves_nothing(tmp_path: Path) -> None:
    place(tmp_path, ["x"], CALM)
    said = steady(tmp_path, "serve", "--check")

    assert (said.code, said.out, said.err) == (0, "ok: 2 policies, 1 providers\n", "")


def test_the_command_loads_no_heavy_part_to_show_its_help(tmp_path: Path) -> None:
    code = "import sys, json, steady.cli.main; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)

    heavy = {"litellm", "guardrails", "jsonschema", "openai", "xllamacpp", "sqlalchemy", "prometheus_client", "uvicorn"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize(("sent", "ends"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_server_that_is_told_to_stop_writes_what_it_holds_and_shows_no_traceback(
    tmp_path: Path, sent: signal.Signals, ends: int
) -> None:
    """A shell sees the second as 143. An answer given just before keeps its receipt."""
    place(tmp_path, ["Hello"], CALM, server={"port": 0})
    command = [sys.executable, "-m", "steady.cli", "serve"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout and running.stderr
        url = re.search(r"http://\S+/v1", running.stdout.readline())
        assert url
        body = json.dumps({"model": "calm", "messages": [{"role": "user", "content": "hi"}]}).encode()
        asked = urllib.request.Request(f"{url[0]}/chat/completions", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            receipt = json.load(answer)["steady"]["receipt"]
        running.send_signal(sent)
        err = running.stderr.read()

    assert (running.returncode, err.strip()) == (ends, "")
    assert steady(tmp_path, "replay", receipt).code == 0
