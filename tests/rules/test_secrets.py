"""`no_secrets`: known keys, keys longer than any window, and what is no key."""

import base64
import random

import pytest

from steady.rules.rule import EVERYWHERE, Context, Window, apply_edits
from steady.rules.secrets import NoSecrets
from steady.types import Piece

CHECK = NoSecrets().build()
RANDOM = random.Random(20240607)


def labels(text: str) -> list[str]:
    return [match.label for match in CHECK.find(text)]


def mend(text: str) -> str:
    edits = CHECK.fix(Piece("answer", (), text), Context())
    assert edits is not None
    return apply_edits(text, edits)


def letters(n: int, alphabet: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") -> str:
    return "".join(RANDOM.choices(alphabet, k=n))


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("openai", "sk-" + letters(48)),
        ("openai", "sk-proj-" + letters(120)),
        ("anthropic", "sk-ant-api03-" + letters(95)),
        ("aws", "AKIA" + letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
        ("github", "ghp_" + letters(36)),
        ("github", "github_pat_" + letters(22) + "_" + letters(59)),
        ("gitlab", "glpat-" + letters(20)),
        ("slack", "xoxb-123456789012-123456789012-" + letters(24)),
        ("slack", "hooks.slack.com/services/T00000000/B00000000/" + letters(24)),
        ("google", "AIza" + letters(35)),
        ("google", "ya29." + letters(60)),
        ("stripe", "sk_live_" + letters(24)),
        ("stripe", "whsec_" + letters(32)),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + letters(43)),
        ("npm", "npm_" + letters(36)),
        ("pypi", "pypi-AgEIcHlwaS5vcmc" + letters(70)),
        ("huggingface", "hf_" + letters(34)),
        ("sendgrid", "SG." + letters(22) + "." + letters(43)),
        ("groq", "gsk_" + letters(52)),
        ("digitalocean", "dop_v1_" + letters(64, "0123456789abcdef")),
        ("docker", "dckr_pat_" + letters(27)),
        ("telegram", "1234567890:AA" + letters(33)),
        ("azure", letters(3) + "8Q~" + letters(34)),
        ("azure", "https://x.blob.core.windows.net/c?sv=2024&sig=" + letters(43) + "%3D"),
        ("discord", "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + letters(27)),
        ("discord", "https://discord.com/api/webhooks/123456789012345678/" + letters(68)),
        ("slack", "xapp-1-A012-" + letters(40)),
        ("google", "GOCSPX-" + letters(28)),
        ("twilio", "SK" + letters(32, "0123456789abcdef")),
        ("mailgun", "key-" + letters(32, "0123456789abcdef")),
        ("databricks", "dapi" + letters(32, "0123456789abcdef")),
        ("shopify", "shpat_" + letters(32, "0123456789abcdef")),
        ("vault", "hvs." + letters(24)),
        ("grafana", "glsa_" + letters(41)),
        ("atlassian", "ATATT3" + letters(180)),
        ("linear", "lin_api_" + letters(40)),
        ("supabase", "sbp_" + letters(40, "0123456789abcdef")),
        ("replicate", "r8_" + letters(37)),
        ("perplexity", "pplx-" + letters(48)),
        ("xai", "xai-" + letters(80)),
        ("age", "AGE-SECRET-KEY-1" + letters(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")),
        ("password", "postgres://app:s3cr3t-and-more@"),
        ("password", "mongodb+srv://u:p%40ss-and-more@"),
        ("password", "://user:hunter2@"),
        ("assigned", "password: hunter2x9Z"),
        ("assigned", 'api_key = "' + letters(24) + '"'),
        ("assigned", "aws_secret_access_key=" + letters(40)),
        ("assigned", "AccountKey=" + letters(50) + "=="),
        ("assigned", "Authorization: Bearer " + letters(30)),
        ("key_material", letters(88) + "=="),
    ],
)
def test_each_known_form_is_found(label: str, key: str) -> None:
    text = f"Use {key} now"

    assert label in labels(text)
    assert key[-12:-2] not in mend(text)


@pytest.mark.parametrize(
    "text",
    [
        "password: ",
        "The password is: correct horse",
        "token: authentication",
        "api_key=YOUR_API_KEY",
        "secret: <your secret>",
        "password = os.environ['PASSWORD']",
        "the sk-learn-is-a-very-long-slug-of-a-post",
        "550e8400-e29b-41d4-a716-446655440000",
        "sha256:" + "0a1b2c3d" * 8,
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "https://example.com/Docs/2024/Some-Very-Long-Path-Name-Here/and-More-of-It-2023/index.html?x=1",
        "getUserNameFromDataBaseTableRowForKeyAndReturnItToTheCallerOfTheFunction",
        "a" * 500,
        "-" * 200,
        "http://localhost:8080/path@x",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    assert labels(text) == []


def pem(size: int, width: int, separator: str = "\n") -> tuple[str, str]:
    """A block as openssl writes it, and its key alone."""
    body = base64.b64encode(RANDOM.randbytes(size)).decode()
    lines = [body[at : at + width] for at in range(0, len(body), width)]
    block = separator.join(["-----BEGIN RSA PRIVATE KEY-----", *lines, "-----END RSA PRIVATE KEY-----"])
    return block, body


def streamed(text: str, step: int) -> str:
    """What a stream in pieces of `step` characters would release."""
    assert isinstance(CHECK.streams, Window)
    reach = CHECK.streams.width + CHECK.streams.right
    out, done = [], 0
    for cut in [*range(step, len(text), step), len(text)]:
        buffer, final = text[:cut], cut == len(text)
        for match in CHECK.find(buffer, done):
            if not final and match.start + reach > cut:
                break
            out += [text[done : match.start], match.replacement or ""]
            done = match.end
        free = cut if final else max(done, cut - reach + 1)
        out.append(text[done:free])
        done = free
    return "".join(out)


@pytest.mark.parametrize(
    ("size", "width"), [(15_000, 64), (1_200, 64), (1_201, 76), (1_190, 100_000), (15_000, 100_000)]
)
@pytest.mark.parametrize("separator", ["\n", "\r\n", "\\n"])
def test_nothing_of_a_private_key_is_left(size: int, width: int, separator: str) -> None:
    """20 KB of key, far over any window, whole and streamed."""
    block, body = pem(size, width, separator)
    text = f"Here it is:\n{block}\nKeep it safe."

    for released in (mend(text), streamed(text, 997)):
        assert released == mend(text)
        assert released.startswith("Here it is:")
        assert released.endswith("Keep it safe.")
        left = released.replace("[SECRET]", "").replace("-----END RSA PRIVATE KEY-----", "")
        assert not any(body[at : at + 4] in left for at in range(0, len(body) - 4))


def test_a_key_that_was_cut_off_is_still_taken_away() -> None:
    for _ in range(20):  # lines without + and / are found as another kind of key
        block, body = pem(1200, 64)
        for end in (500, 801, 1000):
            left = mend(block[:end]).replace("[SECRET]", "")
            assert not any(body[at : at + 4] in left for at in range(0, len(body) - 4))


def test_a_long_token_is_taken_to_its_end() -> None:
    payload = base64.urlsafe_b64encode(RANDOM.randbytes(6000)).decode().rstrip("=")
    token = f"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.{payload}.{letters(342)}"

    assert mend(f"Bearer {token} ok").replace("[SECRET]", "") == "Bearer  ok"


def test_invisible_characters_do_not_hide_a_key() -> None:
    key = "ghp_" + letters(36)

    assert labels("\u200b".join(key)) == ["github"]
    assert labels(key[:10] + "\u200b\u200b" + key[10:]) == ["hidden"]


def test_the_finding_never_quotes() -> None:
    finding = CHECK.judge(Piece("answer", (), "password: hunter2x9Z"), Context())

    assert not finding.passed
    assert "hunter" not in finding.reason
    assert NoSecrets.sensitive
    assert NoSecrets().surfaces == EVERYWHERE


@pytest.mark.parametrize("replace", ["", "x", "[x", "[password=hunter2x9Z]"])
def test_a_replacement_that_could_run_together_is_refused(replace: str) -> None:
    with pytest.raises(ValueError, match=r"^`replace`"):
        NoSecrets(replace=replace).build()


def test_the_statement_is_plain() -> None:
    assert "passwords" in NoSecrets().statement()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "SECRET_KEY='django-insecure-abc123xyz789!'",
        "Passwort: Sommer2024x",
        "mot de passe : Ete2024xyz",
        "contraseña: Verano2024x",
    ],
)
def test_the_usual_names_of_a_secret_announce_it(text: str) -> None:
    check = NoSecrets().build()
    part = Piece("answer", ("message", "content"), text)

    assert not check.judge(part, Context()).passed
    edits = check.fix(part, Context())
    assert edits is not None and check.judge(part._replace(text=apply_edits(text, edits)), Context()).passed


@pytest.mark.parametrize("text", ["api_key: process.env.OPENAI_API_KEY2", "token = import.meta.env.VITE_TOKEN_2x"])
def test_where_a_secret_is_kept_is_no_secret(text: str) -> None:
    assert NoSecrets().build().judge(Piece("answer", ("message", "content"), text), Context()).passed
