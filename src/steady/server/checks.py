"""
POST /v1/checks: a text, a choice or an input against a policy's rules, without a model. Documented in docs/checks.md.

Keys, tenants and bounds are those of chat. Rules that ask outside are asked, as live; what they spend is told. No
receipt is kept: there is no generation to replay.
"""

from typing import Any

import msgspec
from msgspec import structs

from steady.errors import BusyError, RequestError, SteadyError, legal_words
from steady.pipeline.explain import mask, mask_all, sensitive, shown
from steady.policy.resolved import Resolved
from steady.server.access import route
from steady.server.chat import refuse
from steady.server.http import JSON_TYPE, Gone, Receive, Scope, Send, headers_of, read_body, respond, to_json
from steady.server.services import Services
from steady.server.wire import parse
from steady.studies.checking import Checked, check
from steady.types import Entry, Request

OWN = ("text", "choice", "input", "policy", "explain")
CHATS = ("messages", "model", "tools", "tool_choice", "response_format")
NOTHING_ASKED = [{"role": "user", "content": ""}]


class Wanted(msgspec.Struct, frozen=True):
    """One body, understood."""

    request: Request
    choice: dict[str, Any] | None
    judges_input: bool
    explain: bool
    whole: bool  # a choice was given, so one is given back


async def checks(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one check, if there is room for one more request."""
    most = services.config.server.max_concurrent
    if services.in_flight >= most:
        message = f"{most} requests are being answered; no more are taken at once (server.max_concurrent)."
        await refuse(services, send, BusyError(message))
        return
    services.in_flight += 1
    services.metrics.started()
    try:
        await _admitted(services, scope, receive, send)
    finally:
        services.in_flight -= 1
        services.metrics.ended()


async def _admitted(services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    policy: Resolved | None = None
    try:
        headers = headers_of(scope)
        body = await read_body(scope, receive, services.config.server.max_body_bytes)
        caller = services.access.caller(headers)
        wanted = wanted_of(body, headers)
        request = structs.replace(wanted.request, authorization=caller.forward if services.forwards else None)
        way = route(request.model, request.options.policy, caller, services.config, services.policies)
        policy = services.resolved(way)
        found = await check(request, wanted.choice, policy, services.world(), judge_input=wanted.judges_input)
    except Gone:
        return
    except SteadyError as error:
        await refuse(services, send, error, policy=policy)
        return
    services.metrics.judged(policy.name, f"{policy.target.provider}/{policy.target.model}", found.verdicts)
    told = [(b"x-steady-policy", policy.name.encode()), (b"x-steady-policy-hash", policy.hash.encode())]
    await respond(send, 200, to_json(answer(found, wanted, policy, services.evidence_key)), [JSON_TYPE, *told])


def wanted_of(body: bytes, headers: dict[str, str]) -> Wanted:
    """Read a body. Raises RequestError naming the field."""
    data = _object(body)
    for key in data:
        if key not in OWN and key not in CHATS:
            raise RequestError(
                f"{key[:100]} is no field of a check. {legal_words(key, (*OWN, *CHATS))}", param=key[:100]
            )
    choice = _choice(data)
    judges_input = "input" in data or "messages" in data
    if choice is None and not judges_input:
        raise RequestError("Nothing to check: give `text`, `choice`, `input` or `messages`.", param="text")
    chat = {key: data[key] for key in CHATS if key in data}
    chat["messages"] = _messages(data)
    if isinstance(data.get("policy"), str):
        chat["steady"] = {"policy": data["policy"]}
    elif data.get("policy") is not None:
        raise RequestError("policy must be a string.", param="policy")
    explain = data.get("explain")
    if not (explain is None or isinstance(explain, bool)):
        raise RequestError("explain must be true or false.", param="explain")
    asked = parse(msgspec.json.encode(chat), headers)
    explained = bool(explain) or asked.request.options.explain
    return Wanted(asked.request, choice, judges_input, explained, "choice" in data)


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"The body is no valid JSON: {error}.") from error
    except RecursionError as error:
        raise RequestError("The body nests too deeply.") from error
    if not isinstance(data, dict):
        raise RequestError("The body must be a JSON object.")
    return data


def _choice(data: dict[str, Any]) -> dict[str, Any] | None:
    if "choice" in data and "text" in data:
        raise RequestError("`text` and `choice` say the same; give one of them.", param="text")
    if "choice" in data:
        choice = data["choice"]
        if not (isinstance(choice, dict) and isinstance(choice.get("message"), dict)):
            raise RequestError("choice must be an object with a `message` object, as in a completion.", param="choice")
        return {"index": 0, "finish_reason": "stop", **choice}
    if "text" not in data:
        return None
    if not isinstance(data["text"], str):
        raise RequestError("text must be a string.", param="text")
    return {"index": 0, "message": {"role": "assistant", "content": data["text"]}, "finish_reason": "stop"}


def _messages(data: dict[str, Any]) -> Any:
    """Return the conversation: `messages`, and `input` as its last message."""
    given = data.get("messages", [] if "input" in data else NOTHING_ASKED)
    if "input" not in data:
        return given
    if not isinstance(data["input"], str):
        raise RequestError("input must be a string.", param="input")
    return [*given, {"role": "user", "content": data["input"]}] if isinstance(given, list) else given


def answer(found: Checked, wanted: Wanted, policy: Resolved, key: bytes) -> dict[str, Any]:
    """Return what a check answers. What sensitive rules match is masked in every reason."""
    rules = sensitive(policy)
    verdicts = []
    for verdict in found.verdicts:
        one = shown(verdict, found.candidate, rules, key)
        if not wanted.explain:
            one = {name: value for name, value in one.items() if name not in {"spans", "edits", "hashes"}}
        verdicts.append({**one, "path": list(verdict.path)} if verdict.path else one)
    body: dict[str, Any] = {
        "object": "steady.check",
        "policy": policy.name,
        "policy_hash": policy.hash,
        "action": found.action,
        "passed": found.passed,
        "reason": mask(found.reason, rules),
        "verdicts": mask_all(verdicts, rules),
        "usage": spent(found.journal),
    }
    if wanted.choice is not None:
        body["text"] = _text(found.choice)
    if wanted.whole:
        body["choice"] = found.choice
    if wanted.judges_input:
        body["messages"] = None if found.messages is None else list(found.messages)
    return body


def _text(choice: dict[str, Any] | None) -> Any:
    content = (choice.get("message") or {}).get("content") if choice else None
    return content if isinstance(content, str) else None


def spent(journal: tuple[Entry, ...]) -> dict[str, int]:
    """Return what rules that ask a model spent, in tokens."""
    total = {"prompt_tokens": 0, "completion_tokens": 0}
    for entry in journal:
        usage = entry.value.get("usage") if isinstance(entry.value, dict) and entry.what == "rule" else None
        for name in total:
            count = usage.get(name) if isinstance(usage, dict) else None
            total[name] += count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
    return {**total, "total_tokens": sum(total.values())}
