"""What the standard texts may say, in which language, and to whom."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.pipeline.texts import (
    CASES,
    DEFAULT,
    LOCALES,
    MEASURED,
    SCALES,
    VERSION,
    VERSIONS,
    accepted,
    counts,
    customs,
    fill,
    match,
    negotiate,
    render,
    render_custom,
    standard_templates,
    template,
)

NEVER = {
    "ar": ["حتمي", "مضمون", "مؤكد", "دائما", "موثوق", "دقيق"],
    "de": ["determinist", "garantier", "sicher", "immer", "zuverlässig", "fehlerfrei", "wahr"],
    "en": ["determinis", "guarante", "certain", "always", "reliab", "accura", "true", "trust", " sure", "verified"],
    "es": ["determinis", "garanti", "segur", "siempre", "fiable", "exact", "verdad"],
    "fr": ["détermini", "garanti", "certain", "toujours", "fiable", "vrai", "sûr"],
    "it": ["determinis", "garanti", "cert", "sempre", "affidabil", "esatt", "vero"],
    "ja": ["決定的", "保証", "確実", "必ず", "常に", "信頼", "正確"],
    "nl": ["determinis", "garand", "gegarand", "zeker", "altijd", "betrouwba", "waar."],
    "pl": ["determinis", "gwarant", "pewn", "zawsze", "wiarygodn", "dokładn", "prawdziw"],
    "pt": ["determinis", "garanti", "certa ", "certeza", "sempre", "confiáve", "exat", "verdade"],
    "tr": ["determinis", "garanti", "kesin", "her zaman", "güvenilir", "gerçek"],
    "zh": ["确定", "保证", "肯定", "总是", "可靠", "准确", "一定"],
}
"""What no text may claim: that an answer is right, sure, or would come again."""

NEGATED = {
    "ar": ("صحيح", "لا يدل على أن الجواب صحيح"),
    "de": ("richtig", "nicht, dass die Antwort richtig"),
    "en": ("correct", "does not show that it is correct"),
    "es": ("correct", "no demuestra que la respuesta sea correct"),
    "fr": ("exact", "ne montre pas que la réponse est exact"),
    "it": ("corrett", "non dimostra che la risposta sia corrett"),
    "ja": ("正しい", "正しいとは限りません"),
    "nl": ("juist", "niet aan dat het antwoord juist"),
    "pl": ("popraw", "nie dowodzi, że odpowiedź jest popraw"),
    "pt": ("corret", "não mostra que a resposta esteja corret"),
    "tr": ("doğru", "doğru olduğunu göstermez"),
    "zh": ("正确", "不表示回答正确"),
}
"""The word for "correct", and the only form in which it may stand."""


def every_text() -> list[tuple[str, str, str]]:
    return [
        (locale, case, template(case, sentences, tie=tie))
        for locales in VERSIONS.values()
        for locale, sentences in locales.items()
        for case in CASES
        for tie in (False, True)
    ]


def test_there_are_texts_in_at_least_ten_languages_and_english_is_one() -> None:
    assert len(LOCALES) >= 10
    assert DEFAULT in LOCALES
    assert set(LOCALES) >= {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "ja", "zh"}


@pytest.mark.parametrize(("locale", "case", "text"), every_text())
def test_no_text_claims_more_than_was_measured(locale: str, case: str, text: str) -> None:
    """Agreement is no proof and a fixed seed no promise; the word for "correct" stands only in "does not show"."""
    lowered = text.lower()

    assert [word for word in NEVER[locale] if word in lowered] == []
    word, negated = NEGATED[locale]
    assert word not in lowered.replace(negated.lower(), "")


@pytest.mark.parametrize(("locale", "case", "text"), every_text())
def test_every_text_is_whole_sentences_on_one_line(locale: str, case: str, text: str) -> None:
    """A line break or a missing stop would run into the answer once a client has flattened white space."""
    assert text[-1] in ".。"
    assert "\n" not in text and "  " not in text and text == text.strip()
    assert set(re.findall(r"\{.*?\}", text)) <= {"{agreed}", "{of}"}
    assert "?" not in text and "!" not in text


@pytest.mark.parametrize("locale", LOCALES)
def test_measured_texts_name_both_numbers_and_the_others_none(locale: str) -> None:
    for case in CASES:
        text = template(case, VERSIONS[VERSION][locale])

        assert ("{agreed}" in text and "{of}" in text) == (case in MEASURED | SCALES)
        assert counts(text) == (case in MEASURED | SCALES)


@pytest.mark.parametrize("locale", LOCALES)
def test_agreement_is_always_followed_by_what_it_does_not_show(locale: str) -> None:
    sentences = VERSIONS[VERSION][locale]

    for case in ("agreed", "fields", "scale"):
        assert sentences.proof in template(case, sentences)
    for case in ("low", "fields_low", "scale_low", "single"):
        assert sentences.again in template(case, sentences)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_tie_is_told_only_where_votes_were_counted(locale: str) -> None:
    sentences = VERSIONS[VERSION][locale]

    for case in CASES:
        assert (sentences.tie in template(case, sentences, tie=True)) == (case in MEASURED)
        assert sentences.tie not in template(case, sentences)


@pytest.mark.parametrize("locale", LOCALES)
def test_all_texts_of_a_language_differ(locale: str) -> None:
    texts = [template(case, VERSIONS[VERSION][locale], tie=tie) for case in MEASURED for tie in (False, True)]
    texts += [template("single", VERSIONS[VERSION][locale]), template("fallback", VERSIONS[VERSION][locale])]

    assert len(set(texts)) == len(texts)


def test_the_texts_of_version_1_are_never_edited() -> None:
    """They stand in conversations that clients send back; an edit would leave those there for the model to read."""
    from hashlib import sha256

    languages = [VERSIONS[1][locale] for locale in sorted(VERSIONS[1])]
    v1 = "\n".join(part for s in languages for name, part in s._asdict().items() if name != "scale")
    scales = "\n".join(s.scale for s in languages)

    assert sha256(v1.encode()).hexdigest()[:16] == "4ac70ae2160297a8"
    assert sha256(scales.encode()).hexdigest()[:16] == "8ca301e2944aa656"


@pytest.mark.parametrize("locale", LOCALES)
def test_a_likeness_is_told_as_such_and_never_as_a_count_of_drafts(locale: str) -> None:
    """A Kendall's W of 0.71 is no share of drafts, so a text that counts them would be false."""
    told = render("scale", locale, 71, 8).text
    own = render_custom("{agreed} of {of} agreed", "scale", locale, 71, 8).text

    assert "71" in told and "8" in told and "100" in told
    assert own == told


def test_the_list_of_everything_ever_written_holds_what_is_written_now() -> None:
    listed = set(standard_templates())

    assert {text for _, _, text in every_text()} == listed


def test_english_reads_as_the_design_asks() -> None:
    assert render("agreed", "en", 7, 8).text == (
        "This answer was chosen from several drafts by an AI model. 7 of 8 independent drafts agreed. "
        "Agreement does not show that it is correct."
    )


@given(st.sampled_from(CASES), st.sampled_from(LOCALES), st.integers(0, 64), st.integers(0, 64), st.booleans())
@settings(deadline=None, max_examples=100)
def test_rendering_leaves_no_placeholder(case: str, locale: str, agreed: int, of: int, tie: bool) -> None:
    text, used = render(case, locale, agreed, of, tie=tie)  # type: ignore[arg-type]

    assert "{" not in text
    assert used == locale
    if case in MEASURED:
        assert str(agreed) in text and str(of) in text


# Locales


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE_at", "de"),
        ("zh-Hant-TW", "zh"),
        ("pt-BR", "pt"),
        ("xx", None),
        ("", None),
        ("d", None),
        ("deutsch", None),
        ("de" * 100, None),
        ("-", None),
        ("en\r\nx: y", None),
    ],
)
def test_a_region_falls_back_to_its_language_and_nothing_else_does(tag: str, expected: str | None) -> None:
    assert match(tag, LOCALES) == expected


def test_the_nearest_of_a_policys_own_locales_is_taken() -> None:
    assert match("de-AT", ["de", "de-AT"]) == "de-AT"
    assert match("de-CH", ["de", "de-AT"]) == "de"
    assert match("sv-SE", ["sv"]) == "sv"


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("fr, de;q=0.9", ["fr", "de"]),
        ("fr;q=0.2, de;q=0.9, en;q=0.5", ["de", "en", "fr"]),
        ("fr;q=0, de", ["de"]),
        ("*, de;q=0.1", ["de"]),
        ("de ; q = 0.3 , it", ["it", "de"]),
        ("de;q=1.5, it", ["de", "it"]),
        ("de;q=x, it;q=0.1", ["it"]),
        ("de;q=-1, de;q=nan, de;q=inf, de;q=1e9", []),
        (";;;,,,;q=1,=", ["="]),
        ("", []),
    ],
)
def test_accept_language_is_read_by_quality_and_order(header: str, tags: list[str]) -> None:
    assert accepted(header) == tags


def test_the_request_comes_before_the_header_and_the_header_before_the_policy() -> None:
    assert negotiate("ja", "fr", "de") == "ja"
    assert negotiate(None, "fr;q=0.1, it", "de") == "it"
    assert negotiate(None, "", "de") == "de"
    assert negotiate(None, None, "request") == "en"
    assert negotiate("xx", "yy, pl-PL;q=0.1", "de") == "pl"
    assert negotiate("xx", "yy", "zz") == "en"


def test_a_long_header_costs_no_more_than_a_short_one() -> None:
    """Only its first 1000 characters and 32 ranges are read, so that a header is no way to spend the server's time."""
    assert accepted("xx," * 40 + "de") == ["xx"] * 32
    assert negotiate(None, "x" * 1_000_000 + ",de") == "en"


@given(st.text(max_size=60), st.text(alphabet="deEN*,;q=.01 -_\r\n\x00é", max_size=200), st.text(max_size=20))
@settings(deadline=None, max_examples=200)
def test_negotiation_never_raises_and_ends_in_a_locale_that_has_texts(wish: str, header: str, policy: str) -> None:
    assert negotiate(wish, header, policy) in LOCALES


# A policy's own texts


def test_an_own_text_is_filled_in() -> None:
    text = render_custom("AI. {agreed}/{of} agreed, {x}.", "agreed", "de", 3, 4)

    assert text == ("AI. 3/4 agreed, {x}.", "de")


def test_an_own_text_with_numbers_gives_way_to_the_standard_one_where_nothing_was_measured() -> None:
    """Its numbers would be made up."""
    assert render_custom("{agreed} agreed.", "single", "de", 0, 0) == render("single", "de", 0, 0)
    assert render_custom("Written by AI.", "single", "de", 0, 0).text == "Written by AI."


def test_own_texts_by_locale_are_chosen_like_standard_ones() -> None:
    own = {"sv": "Av AI.", "en": "By AI.", "de": "Von KI."}

    assert render_custom(own, "agreed", "de-AT", 1, 2) == ("Von KI.", "de")
    assert render_custom(own, "agreed", "fr", 1, 2) == ("By AI.", "en")
    assert render_custom({"sv": "Av AI.", "de": "Von KI."}, "agreed", "fr", 1, 2) == ("Von KI.", "de")


def test_customs_lists_what_a_policy_can_write_in_one_order() -> None:
    assert customs("standard") == ()
    assert customs("Mine.") == ("Mine.",)
    assert customs({"de": "B", "ar": "A", "en": "standard"}) == ("A", "B")


def test_fill_reads_nothing_but_its_two_names() -> None:
    assert fill("{agreed!r} {0} {of} {of.real} {{agreed}}", 1, 2) == "{agreed!r} {0} 2 {of.real} {1}"
