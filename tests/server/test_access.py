"""Who calls, and which policy answers: the pure part, without a server."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.errors import AuthError, UnknownNameError
from steady.policy.config import ClientKey, Config
from steady.server.access import LOCAL, Access, Caller, route

POLICIES = ("calm", "pass-through", "strict")
EVERYBODY = Caller(LOCAL, None, True, True, None)


def _key(word: str, **fields: Any) -> ClientKey:
    return ClientKey(sha256=hashlib.sha256(word.encode()).hexdigest(), **{"tenant": "acme", **fields})


def test_a_server_without_keys_knows_one_tenant_and_forwards_what_it_was_sent() -> None:
    caller = Access(()).caller({"authorization": "Bearer anything"})

    assert caller == Caller(LOCAL, None, True, True, "Bearer anything")


@pytest.mark.parametrize("sent", ["Bearer k", "bearer k", "BEARER  k ", "k"])
def test_a_key_is_known_however_the_scheme_is_spelled(sent: str) -> None:
    assert Access((_key("k"),)).caller({"authorization": sent}).tenant == "acme"


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Bearer K", "Basic k", "Bearer k k"])
def test_what_is_no_key_is_refused_and_not_repeated(sent: str) -> None:
    with pytest.raises(AuthError) as told:
        Access((_key("k"),)).caller({"authorization": sent})

    assert "Basic k" not in str(told.value)


def test_steadys_key_in_its_own_header_leaves_authorization_for_the_upstream() -> None:
    access = Access((_key("k"),))

    assert access.caller({"x-steady-key": "k", "authorization": "Bearer up"}).forward == "Bearer up"
    assert access.caller({"authorization": "Bearer k"}).forward is None


def test_an_empty_own_header_is_no_key() -> None:
    """It must not fall back to the other header, which may hold the upstream's key."""
    with pytest.raises(AuthError):
        Access((_key("k"),)).caller({"x-steady-key": "", "authorization": "Bearer k"})


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_other_text_is_taken_for_a_key(sent: str) -> None:
    access = Access((_key("the-key"),))
    if sent.strip().removeprefix("Bearer").strip() != "the-key":
        with pytest.raises(AuthError):
            access.caller({"authorization": sent})


# Which policy

_NAMES = ["calm", "strict", "pass-through", "gpt-4o", "m", "up/m", "calm@m", "strict@up/m", "", "@", "calm@"]
_MODELS = st.sampled_from(_NAMES)


@settings(deadline=None)
@given(
    _MODELS,
    st.none() | st.sampled_from(["calm", "strict", "nope", ""]),
    st.none() | st.lists(st.sampled_from(POLICIES), unique=True),
    st.booleans(),
)
def test_no_choice_of_names_reaches_what_a_key_does_not_list(
    model: str, asked: str | None, listed: list[str] | None, models: bool
) -> None:
    """A policy that the key lists answers, over its own model unless the key may name models; or nothing does."""
    config = Config(routes={"gpt-4o": "strict"})
    caller = Caller("acme", listed, models, False, None)
    try:
        way = route(model, asked, caller, config, POLICIES)
    except UnknownNameError as error:
        hidden = set(POLICIES) - set(POLICIES if listed is None else listed)
        known = str(error).partition("Known: ")[2]
        assert not any(name in known.rstrip(".").split(", ") for name in hidden)
        return
    assert listed is None or way.policy in listed
    assert models or way.model is None


@pytest.mark.parametrize(
    ("model", "asked", "policy", "over"),
    [
        ("calm", None, "calm", None),
        ("gpt-4o", None, "strict", None),
        ("m", None, "pass-through", "m"),
        ("", None, "pass-through", None),
        ("calm@up/m", None, "calm", "up/m"),
        ("nobody@up/m", None, "pass-through", "nobody@up/m"),
        ("m", "calm", "calm", "m"),
        ("strict", "calm", "calm", None),
        ("gpt-4o", "calm", "calm", None),
    ],
)
def test_names_lead_where_the_design_says(model: str, asked: str | None, policy: str, over: str | None) -> None:
    way = route(model, asked, EVERYBODY, Config(routes={"gpt-4o": "strict"}), POLICIES)

    assert (way.policy, way.model) == (policy, over)
