"""Which policy and model answer: every way a client may name them, against every kind of key."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving import Served, fresh, openai_like, policy, serving, sha256
from tests.upstream import Upstream

from steady.errors import AuthError, UnknownNameError
from steady.policy.config import ClientKey, Config
from steady.server.access import Access, Caller, Route, route

POLICIES = ("pass-through", "strict", "support-answer")
CONFIG = Config(routes={"gpt-4o": "strict"})
ALL = Caller("acme", None, True, False, None)
FEW = Caller("few", ("strict",), False, False, None)
SOME = Caller("some", ("strict",), True, False, None)


def way(model: str, asked: str | None = None, caller: Caller = ALL, config: Config = CONFIG) -> Route:
    return route(model, asked, caller, config, POLICIES)._replace(names=())  # they are for error texts


def test_a_policys_name_is_the_policy_over_its_own_model() -> None:
    assert way("strict") == Route("strict", None)


def test_a_routed_name_is_its_policy_over_its_own_model() -> None:
    assert way("gpt-4o") == Route("strict", None)


def test_any_other_model_goes_through_the_default_policy() -> None:
    assert way("up/large") == Route("pass-through", "up/large")
    assert way("") == Route("pass-through", None)


def test_a_model_beside_a_named_policy_only_stands_in_where_that_names_none() -> None:
    assert way("up/large", "strict") == Route("strict", "up/large", override=False)


@pytest.mark.parametrize("model", ["", "support-answer", "gpt-4o"])
def test_a_name_that_is_no_model_says_nothing_of_the_model(model: str) -> None:
    assert way(model, "strict") == Route("strict", None)


def test_policy_at_model_is_the_explicit_override() -> None:
    assert way("strict@up/large") == Route("strict", "up/large", override=True)
    assert way("strict@up/large", "support-answer") == Route("support-answer", "up/large", override=True)


def test_an_at_sign_in_a_models_name_is_no_override() -> None:
    """Vertex' names have one: claude-3-5-sonnet@20240620."""
    assert way("sonnet@20240620") == Route("pass-through", "sonnet@20240620")
    assert way("strict@").model == "strict@"


@pytest.mark.parametrize(
    ("model", "asked"),
    [("up/large", None), ("up/large", "strict"), ("strict@up/large", None), ("strict@up/large", "strict"), ("", None)],
)
def test_a_policy_only_key_gets_a_404_and_never_a_pass_through(model: str, asked: str | None) -> None:
    with pytest.raises(UnknownNameError) as raised:
        way(model, asked, FEW)
    assert raised.value.status == 404


def test_the_404_names_the_nearest_name_that_the_key_may_use_and_no_other() -> None:
    with pytest.raises(UnknownNameError) as raised:
        way("stict", None, FEW)
    assert raised.value.near == "strict"
    assert "support-answer" not in str(raised.value)


def test_a_policy_that_a_key_does_not_list_is_as_unknown_as_one_that_is_not_there() -> None:
    for name in ("support-answer", "nothing-of-the-kind"):
        with pytest.raises(UnknownNameError):
            way("", name, SOME)
    with pytest.raises(UnknownNameError):
        way("support-answer", None, SOME)
    with pytest.raises(UnknownNameError):
        way("support-answer@up/large", None, SOME)


def test_a_key_without_the_default_policy_gets_no_pass_through() -> None:
    with pytest.raises(UnknownNameError):
        way("up/large", None, SOME)


def test_a_route_to_a_policy_that_the_key_does_not_list_is_closed() -> None:
    with pytest.raises(UnknownNameError):
        way("gpt-4o", None, Caller("x", ("support-answer",), True, False, None))


@settings(deadline=None, max_examples=200)
@given(
    model=st.sampled_from(["", "strict", "support-answer", "gpt-4o", "up/x", "strict@up/x", "gpt-4o@up/x", "@x", "x@"]),
    asked=st.sampled_from([None, "strict", "support-answer", "pass-through", "nothing"]),
)
def test_no_words_of_a_client_lead_a_policy_only_key_out_of_its_list(model: str, asked: str | None) -> None:
    try:
        found = way(model, asked, FEW)
    except UnknownNameError:
        return
    assert found == Route("strict", None)


def test_a_key_is_known_by_its_hash_alone_and_never_repeated() -> None:
    access = Access((ClientKey(sha256=sha256("right"), tenant="acme"),))
    assert access.caller({"authorization": "Bearer right"}).tenant == "acme"
    assert access.caller({"authorization": "bearer  right "}).tenant == "acme"
    for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Bearer wr0ng"}, {"x-steady-key": "wr0ng"}):
        with pytest.raises(AuthError) as raised:
            access.caller(headers)
        assert "wr0ng" not in str(raised.value)


def test_a_client_key_never_goes_upstream_but_what_came_beside_it_may() -> None:
    access = Access((ClientKey(sha256=sha256("right"), tenant="acme"),))
    assert access.caller({"authorization": "Bearer right"}).forward is None
    assert access.caller({"authorization": "Bearer own", "x-steady-key": "right"}).forward == "Bearer own"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """A policy with a model of its own, and one without."""
    keys = [
        {"sha256": sha256("all"), "tenant": "acme"},
        {"sha256": sha256("few"), "tenant": "few", "policies": ["owned", "open"], "models": False},
    ]
    policies = [policy("owned", model="up/own"), policy("open"), policy("fallback", model="up/fallback")]
    with Upstream() as up:
        config = {"providers": {"up": openai_like(up)}, "keys": keys, "default_policy": "fallback"}
        with serving(tmp_path_factory.mktemp("access"), config, policies) as steady:
            yield steady, up


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("dear", "owned", "own"),
        ("up/dear", "owned", "own"),
        ("owned@up/dear", None, "dear"),
        ("owned@dear", "owned", "dear"),
        ("dear", "open", "dear"),
        ("up/dear", "open", "dear"),
        ("dear", None, "fallback"),
    ],
)
def test_the_policys_own_model_wins_and_the_clients_stands_in(
    served: tuple[Served, Upstream], model: str, asked: str | None, sent: str
) -> None:
    """A client that keeps its `model` while a team moves it onto a policy gets the model it was made for."""
    steady, up = served[0], fresh(served[1])
    options = {"policy": asked} if asked else {}
    assert steady.chat(model=model, steady=options, key="all").status == 200
    assert up.bodies[0]["model"] == sent


def test_a_policy_without_a_model_answers_a_policy_only_key_only_with_what_steady_yaml_lists(
    served: tuple[Served, Upstream],
) -> None:
    steady, up = served[0], fresh(served[1])
    assert steady.chat(model="dear", steady={"policy": "open"}, key="few").status == 404
    assert steady.chat(model="open@up/dear", key="few").status == 404
    assert up.requests == []
