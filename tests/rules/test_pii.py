"""`no_pii`: what is personal data, what only looks like it, and that nothing of it is repeated."""

import json
from collections import Counter
from pathlib import Path

import pytest

from steady.rules.pii import ALL, NoPii
from steady.rules.rule import EVERYWHERE, Context, apply_edits
from steady.types import Piece

DATA = Path(__file__).parents[3] / "shared" / "data" / "pii_spans.jsonl"
CHECK = NoPii().build()


def kinds(text: str) -> list[str]:
    return [match.label for match in CHECK.find(text)]


def mend(text: str, rule: NoPii | None = None) -> str:
    edits = (rule or NoPii()).build().fix(Piece("answer", (), text), Context())
    assert edits is not None
    return apply_edits(text, edits)


FOUND = {
    "email": """joe@example.com|joe.o'neil+tag@mail.example.co.uk|jörg@müller.de
|ｊｏｅ＠ｅｘａｍｐｌｅ．ｃｏｍ|j\u200boe@example.com""",
    "phone": """+1 415 555 0123|+14155550123|(415) 555-0123|415-555-0123|1-800-555-0199|415.555.0123|+41 (0)71 526 99 04
|0041 71 526 99 04|01.84.17.61.18|020 7946 0958|0171/2345678|＋４４ ２０ ７９４６ ０９５８|+1-604-696-5272x565
|+44 20 7946–0958|555 123 4567|+4\u200b4 20 7946 0958""",
    "credit_card": "4111111111111111|4111 1111 1111 1111|4111-1111-1111-1111|3782 822463 10005|4111\u200b111111111111",
    "iban": "GB82 WEST 1234 5698 7654 32|DE89370400440532013000|gb82west12345698765432",
    "us_ssn": "460-89-9847|460 89 9847",
    "ip": "192.168.1.10|86.121.97.248|2001:db8::ff00:42:8329|6e40:4041:c617:e898:c11:40d2:c669:2eb4",
    "mac": "00:1A:2B:3C:4D:5E|00-1a-2b-3c-4d-5e|001A.2B3C.4D5E",
    "crypto": """1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa|bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
|0x52908400098527886E0F7030069857D2E4169EE7""",
}


@pytest.mark.parametrize("kind", FOUND)
def test_each_kind_is_found(kind: str) -> None:
    for text in FOUND[kind].replace("\n", "").split("|"):
        assert kinds(f"It is {text}, she said.") == [kind], text
        assert kinds(f"({text})") == [kind], text


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15",
        "15.01.2024",
        "01/02/2024 10:30",
        "on 03.04.2021 and 05.06.2022",
        "2019 2020 2021",
        "09.00-17.00",
        "12:34:56",
        "$1,234,567.89",
        "EUR 1.234.567,89",
        "12 345 678 people",
        "order 123-4567",
        "order 12345678901",
        "ISBN 978-0-306-40615-7",
        "ISBN 9780306406157",
        "ISBN 0-306-40615-2",
        "version 1.2.3",
        "3.14159265358979323846",
        "1234567812345670",
        "4111 1111 1111 1112",
        "GB82 WEST 1234 5698 7654 33",
        "000-12-3456",
        "900-12-3456",
        "666-12-3456",
        "127.0.0.1",
        "0.0.0.0",
        "256.1.1.1",
        "std::vector<int>",
        "a::b",
        "::1",
        "12:34",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "0xdeadbeef",
        "550e8400-e29b-41d4-a716-446655440000",
        "joe at example dot com",
        "@joe",
        "a@b",
        "x = 5 * 3 - 2",
        "page 100-2000",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert kinds(f"See {text} there") == []
    assert kinds(text) == []


def test_a_fix_names_the_kind_masks_or_puts_a_text() -> None:
    text = "Call +1 415 555 0123 or joe@example.com"

    assert mend(text) == "Call [PHONE] or [EMAIL]"
    assert mend("joe@x.org", NoPii(replace="mask")) == "*********"
    assert mend(text, NoPii(replace="<gone>")) == "Call <gone> or <gone>"


def test_only_the_kinds_asked_for_count() -> None:
    assert mend("joe@example.com 460-89-9847", NoPii(kinds=("us_ssn",))) == "joe@example.com [US_SSN]"


def test_a_card_is_found_before_what_follows_it() -> None:
    assert mend("4111 1111 1111 1111 12/27") == "[CREDIT_CARD] 12/27"


def test_more_invisible_characters_do_not_hide_a_number() -> None:
    """One is looked through. A run of them is shown, and is itself a finding."""
    assert mend("4111\u200b1111\u200b1111\u200b1111") == "[CREDIT_CARD]"
    assert kinds("4111\u200b\u200b1111 1111 1111") == ["hidden"]
    assert mend("4111\u200b\u200b1111 1111 1111") == "4111\ufffd\u200b1111 1111 1111"
    assert kinds("4111 \u200b\u200b1111 1111 1111") == ["hidden"]
    assert kinds("👨‍👩‍👧 ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم") == []


def test_the_finding_never_quotes() -> None:
    finding = CHECK.judge(Piece("answer", (), "joe@example.com"), Context())

    assert not finding.passed
    assert finding.label == "email"
    assert "joe" not in finding.reason
    assert NoPii.sensitive


def test_it_looks_everywhere_that_text_goes_out() -> None:
    assert NoPii().surfaces == EVERYWHERE


@pytest.mark.parametrize("replace", ["", "x", "[x", "REDACTED", "[joe@example.com]"])
def test_a_replacement_that_could_run_together_is_refused(replace: str) -> None:
    with pytest.raises(ValueError, match=r"^`replace`"):
        NoPii(replace=replace).build()


def test_no_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^`kinds` is empty"):
        NoPii(kinds=()).build()


def test_the_statement_names_the_kinds() -> None:
    assert NoPii(kinds=("email", "ip")).statement() == "Do not include email addresses, IP addresses."


NAMES = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "credit_card",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
}
LEAST = {"email": 0.95, "phone": 0.6, "credit_card": 0.95, "iban": 0.95, "us_ssn": 0.95, "ip": 0.95}  # recall


@pytest.mark.skipif(not DATA.exists(), reason="the development data (../shared/data/pii_spans.jsonl) is not here")
def test_precision_and_recall_on_public_data(capsys: pytest.CaptureFixture[str]) -> None:
    """Phones: the data's local numbers without area code (467 3395) are told from other numbers by nothing."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for line in DATA.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = [
            (span["start_position"], span["end_position"], NAMES[span["entity_type"]])
            for span in row["spans"]
            if span["entity_type"] in NAMES
        ]
        found = list(CHECK.find(row["text"]))
        for match in found:
            hit = any(match.label == kind and match.start < high and low < match.end for low, high, kind in spans)
            (right if hit else wrong)[match.label] += 1
        for low, high, kind in spans:
            if not any(match.label == kind and match.start <= low and high <= match.end for match in found):
                missed[kind] += 1
    with capsys.disabled():
        for kind in ALL:
            total = right[kind] + missed[kind]
            if right[kind] + wrong[kind] and total:
                precision = right[kind] / (right[kind] + wrong[kind])
                print(f"\n{kind}: precision {precision:.2f}, recall {right[kind] / total:.2f} of {total}", end="")  # noqa: T201

    for kind, least in LEAST.items():
        assert right[kind] / (right[kind] + wrong[kind]) >= 0.95, kind
        assert right[kind] / (right[kind] + missed[kind]) >= least, kind
