"""`no_urls`, `urls_allowed`: what is a link, and where it really leads."""

import pytest

from steady.rules.rule import EVERYWHERE, Context, Rule, apply_edits
from steady.rules.urls import NoUrls, UrlsAllowed, destination
from steady.types import Piece

NONE = NoUrls()
SOME = UrlsAllowed(domains=("good.com", "münchen.de", "127.0.0.1"))


def links(rule: Rule, text: str) -> list[str]:
    return [text[match.start : match.end] for match in rule.build().find(text)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com",
        "HTTP://EXAMPLE.COM/Path?q=1#x",
        "https://example.com/a_(b)",
        "ftp://example.com",
        "slack://open?x=1",
        "//example.com/x.js",
        "www.example.zz",
        "example.com",
        "sub.example.co.uk/path",
        "example.com:8080/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:joe@example.com",
        "https:example.com",
        "https:/example.com",
        "http://2130706433/",
        "http://[::1]/",
        "пример.рф",
        "xn--e1afmkfd.xn--p1ai",
        "ｅｘａｍｐｌｅ．ｃｏｍ",
        "example。com",
        "exam\u200bple.com",
        "https://user:pw@example.com/",
        "a.b.c.d.e.example.com",
        "http://example.com." + "x" * 40,
    ],
)
def test_links_of_every_kind_are_found(link: str) -> None:
    assert links(NONE, f"See {link} there") == [link]
    assert links(NONE, f"[text]({link})") == [link]


@pytest.mark.parametrize(
    "text",
    [
        "joe@example.com",
        "first.co@evil.zz",
        "main.py and README.md and lib.rs",
        "Node.js, e.g. this; i.e. that",
        "The end.Then more",
        "It was the problem.It is",
        "std::vector<int> // a comment",
        "3.14 and 1.2.3",
        "a.b.c",
        "and/or",
        "data: none; file: x",
        "http is a protocol",
        "https://",
        "time 12:30",
        "C:\\Users\\joe",
    ],
)
def test_what_is_no_link_is_left_alone(text: str) -> None:
    assert links(NONE, text) == []


@pytest.mark.parametrize(
    "sentence", ["See https://good.com/x.", "(https://good.com/x)", "https://good.com/x, and", "**https://good.com/x**"]
)
def test_the_sentences_punctuation_is_no_part_of_a_link(sentence: str) -> None:
    assert links(NONE, sentence) == ["https://good.com/x"]


@pytest.mark.parametrize(
    "text",
    [
        "https://good.com",
        "https://GOOD.com.:443/x?y",
        "http://sub.deep.good.com/",
        "good.com and www.good.com",
        "//good.com/x",
        "good.com:80/x",
        "https://münchen.de/ and https://xn--mnchen-3ya.de",
        "http://127.0.0.1:8000",
        "no link at all, joe@evil.com",
    ],
)
def test_links_to_allowed_hosts_pass(text: str) -> None:
    assert links(SOME, text) == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.com",
        "https://good.com@evil.com",
        "https://good.com:443@evil.com",
        "https://good.com\\@evil.com",
        "https://evil.com\\.good.com",
        "https://evil.com%2F.good.com",
        "https://good.com.evil.com",
        "https://notgood.com",
        "https://gооd.com",  # Cyrillic о
        "https://g%6fod.com",
        "https://xn--gd-fkaa.com",
        "//evil.com",
        "www.evil.com",
        "evil.com",
        "ev\u200bil.com",
        "javascript:alert('good.com')",
        "mailto:joe@good.com",
        "ftp://good.com",
        "http://127.0.0.2/",
        "http://0x7f000001/",
        "https://user@good.com",
        "https://good.com:99x/",
    ],
)
def test_tricks_do_not_reach_another_host(link: str) -> None:
    text = f"see {link} now"
    found = links(SOME, text)

    assert found
    assert "".join(found) in text


def test_a_link_inside_an_allowed_link_is_judged_too() -> None:
    assert links(SOME, "https://good.com/?to=https://evil.com") == ["https://evil.com"]
    assert links(SOME, "https://good.com/?to=evil.com") == ["evil.com"]


def test_hosts_below_can_be_left_out() -> None:
    rule = UrlsAllowed(domains=("good.com",), subdomains=False)

    assert links(rule, "https://good.com https://www.good.com") == ["https://www.good.com"]


def test_schemes_can_be_named() -> None:
    rule = UrlsAllowed(domains=("good.com",), schemes=("https", "ftp"))

    assert links(rule, "http://good.com ftp://good.com") == ["http://good.com"]


def test_a_fix_leaves_the_text_of_a_markdown_link() -> None:
    def mend(rule: Rule, text: str) -> str:
        edits = rule.build().fix(Piece("answer", (), text), Context())  # type: ignore[union-attr]
        return apply_edits(text, edits or ())

    assert mend(NONE, "[text](https://evil.com).") == "[text]([link removed])."
    assert mend(SOME, "good.com or evil.com") == "good.com or [link removed]"
    assert mend(NoUrls(replace="(gone)"), "evil.com") == "(gone)"


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("https://A.Example.com./x", ("https", "a.example.com")),
        ("example.com:80", ("", "example.com")),
        ("//example.com", ("", "example.com")),
        ("javascript:x", ("javascript", "")),
        ("https://a@b.com", None),
        ("https://a.com:x/", None),
        ("https://", None),
    ],
)
def test_where_a_link_leads(link: str, leads: tuple[str, str] | None) -> None:
    assert destination(link) == leads


@pytest.mark.parametrize("domain", ["", "https://good.com", "good.com/x", "*.good.com", "a b", "user@good.com", "."])
def test_what_is_no_host_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match=r"^`domains`"):
        UrlsAllowed(domains=(domain,)).build()


def test_no_hosts_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no_urls"):
        UrlsAllowed(domains=()).build()


@pytest.mark.parametrize("replace", ["", "gone", "[http://x.com]"])
def test_a_replacement_that_could_run_together_is_refused(replace: str) -> None:
    for rule in (NoUrls(replace=replace), UrlsAllowed(domains=("good.com",), replace=replace)):
        with pytest.raises(ValueError, match=r"^`replace`"):
            rule.build()


def test_links_are_looked_for_everywhere() -> None:
    assert NONE.surfaces == SOME.surfaces == EVERYWHERE
    assert "good.com" in SOME.statement()
    assert "links" in NONE.statement()
