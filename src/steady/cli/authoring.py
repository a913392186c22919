"""The commands of those who write policies: test, diff, import. Each imports what it needs when it runs."""

import sys
from typing import Any

import click

from steady.cli.options import CONFIG


@click.command(short_help="Run the golden cases beside policies.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-k", "keep", default="", metavar="TEXT", help="Only cases whose name holds TEXT.")
@click.option("--update", "write", is_flag=True, help="Write what came of the cases into their files.")
@click.option("--junit", "xml", default=None, metavar="FILE", help="Write a report in JUnit's XML.")
@CONFIG
def test(paths: tuple[str, ...], keep: str, write: bool, xml: str | None, config: str | None) -> None:
    """
    Run golden cases: given candidates, and what a policy must make of them. No model is asked.

    PATH is a file of cases, a policy, or a folder. The cases of NAME.yaml are in NAME.tests.yaml beside it, or in
    tests/NAME.yaml below it:

    \b
        cases:
          - name: an address is replaced
            input: Who is the driver?
            candidates: ["Tom Becker, tom@parcels.example"]
            expect:
              text: "Tom Becker, [EMAIL]"
              verdicts: {no_pii: fail}
              agreement: not measured

    A case may give: input or messages, fields (tools, response_format, temperature, ...), n, locale; candidates (texts,
    or {content, tool_calls, refusal, reasoning, finish_reason}, or a whole choice {message, finish_reason}, or {error:
    {status}}; `again:` in one is what the model says when it is asked again); fallback; outside (by rule id what a
    rule that asks outside is told: pass, fail, or {passed, reason, fix, error}; a list is by candidate); functions (by
    rule id what `on_fail: custom` gives).

    It may expect: action, code, reason, text (without disclosure), released (with it), choice, slot, slots, verdicts
    (by rule id pass, fail or n/a; a list is by candidate; {result, reason, fixed, error, slot, surface} says more),
    agreement, disclosure (text, place), stopped, notes. Only what is given is compared; of reasons and notes a part is
    enough. A candidate that is asked for and not given fails, as a model that is gone. Under a policy that streams live
    each case is streamed too, and must come to the same.

    Exit 0: all passed. 1: a case failed (with --update: one that can't be written). 2: a file has problems, each a
    line.

    Example: steady test policies --junit report.xml
    """
    from steady.cli.test import test_paths

    sys.exit(test_paths(paths, keep=keep, write=write, xml=xml, config=config))


@click.command(short_help="Tell what another policy would have made of recorded traffic.")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--on",
    required=True,
    metavar="WHERE",
    help="`receipts`: the configuration's store. Or a store's file, a folder of .receipt files, a file of JSON lines.",
)
@click.option("--last", type=click.IntRange(1), default=None, metavar="N", help="The newest N receipts only.")
@click.option("--all", "every", is_flag=True, help="Receipts of every policy, not only of those named like A or B.")
@click.option(
    "--show", type=click.IntRange(0), default=5, show_default=True, metavar="N", help="Print N of the changes."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@CONFIG
def diff(a: str, b: str, on: str, as_json: bool, **options: Any) -> None:
    """
    Tell what would change if policy B took A's place, on recorded traffic, with no model call.

    A and B are files, names of policies, or NAME@HASH: the policy of a receipt (the hash may be cut). Each receipt's
    recorded candidates are decided again under both; action, answer, choice, agreement, disclosure, verdicts and fixes
    are compared. What sensitive rules match is masked.

    What a journal can't say is not guessed but counted apart: receipts that hold hashes only, a policy that asks for
    more candidates, puts another question to the model (an input rule changed it, a reask names other rules), or asks
    the outside what nobody was asked then. What a policy changes about drawing is noted: the candidates are those of
    then.

    Exit 0: nothing would change. 1: something would. 2: no such policy, store or receipts. 3: nothing could be
    computed.

    Example: steady diff support-answer new/support-answer.yaml --on receipts --last 500
    """
    from steady.cli.diff import diff_policies

    sys.exit(diff_policies(a, b, on=on, as_json_=as_json, **options))


@click.command("import", short_help="Turn a configuration of another guard into a policy.")
@click.argument("peer", type=click.Choice(["guardrails", "nemo", "portkey"]))
@click.argument("file", metavar="FILE")
@click.option("-o", "out", default=None, metavar="OUT", help="Write the policy there; to standard output if not given.")
@click.option("--name", default="", help="The policy's name; after FILE if not given.")
@click.option("--force", is_flag=True, help="Write over OUT.")
def import_(peer: str, file: str, out: str | None, name: str, force: bool) -> None:
    """
    Turn a configuration of Guardrails AI, NeMo Guardrails or Portkey into a policy, and name what is not in it.

    \b
    guardrails  a .rail file; a guard as JSON or YAML (Guard.to_dict); a Python file with
                Guard().use(...), which is read and never run
    nemo        config.yml or its folder; Colang is named, not translated
    portkey     a configuration as JSON: input_guardrails, output_guardrails, hooks, targets, retry

    The policy loads as it is written. Its head, and stderr, name by line what could not be translated and why, and in
    which cases a rule decides otherwise than its source. Keys are never carried over.

    Exit 0: everything was translated. 1: a policy was made, and something is not in it. 2: the file can't be read.

    Example: steady import portkey config.json -o policies/imported.yaml
    """
    from steady.cli.imports import import_file

    sys.exit(import_file(peer, file, out=out, name=name, force=force))
