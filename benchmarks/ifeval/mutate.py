"""
Answers changed at random, by seed: where two readers of the same rule would part if they read it differently.

`mutations` gives for one instruction and one answer texts that are changed in general (case, commas, quotation marks,
bullets, separators, white space, another language, odd characters, a cut) and texts that are put right at the edge of
what the instruction asks (one word fewer, as many, one more).
"""

# ruff: noqa: E501 - a sentence of another script is one line

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Mutation(NamedTuple):
    """A changed answer, and by what."""

    name: str
    text: str


LANGUAGES: Mapping[str, str] = {
    "de": "Die Katze sitzt auf dem Dach und schaut in den Garten, während die Kinder unten mit dem Ball spielen. "
    "Am Abend kommt der Vater nach Hause und kocht für alle eine Suppe.",
    "fr": "Le chat est assis sur le toit et regarde le jardin pendant que les enfants jouent au ballon. Le soir, le "
    "père rentre à la maison et prépare une soupe pour tout le monde.",
    "es": "El gato está sentado en el tejado y mira el jardín mientras los niños juegan a la pelota. Por la noche el "
    "padre vuelve a casa y prepara una sopa para todos.",
    "pt": "O gato está sentado no telhado e olha para o jardim enquanto as crianças jogam à bola. À noite o pai volta "
    "para casa e prepara uma sopa para todos.",
    "fi": "Kissa istuu katolla ja katselee puutarhaa, kun lapset pelaavat palloa pihalla. Illalla isä tulee kotiin ja "
    "keittää kaikille keittoa.",
    "vi": "Con mèo ngồi trên mái nhà và nhìn xuống khu vườn trong khi bọn trẻ chơi bóng. Buổi tối người cha về nhà và "
    "nấu súp cho cả nhà.",
    "ru": "Кошка сидит на крыше и смотрит в сад, пока дети играют в мяч. Вечером отец приходит домой и варит суп для "
    "всех.",
    "bg": "Котката седи на покрива и гледа към градината, докато децата играят с топка. Вечерта бащата се прибира "
    "вкъщи и готви супа за всички.",
    "ar": "تجلس القطة على السطح وتنظر إلى الحديقة بينما يلعب الأطفال بالكرة. في المساء يعود الأب إلى البيت ويطبخ "
    "الحساء للجميع.",
    "fa": "گربه روی پشت بام نشسته و به باغ نگاه می‌کند در حالی که بچه‌ها توپ بازی می‌کنند. عصر پدر به خانه می‌آید و "
    "برای همه سوپ می‌پزد.",
    "ur": "بلی چھت پر بیٹھی ہے اور باغ کی طرف دیکھ رہی ہے جبکہ بچے گیند سے کھیل رہے ہیں۔ شام کو والد گھر آتے ہیں اور "
    "سب کے لیے شوربہ پکاتے ہیں۔",
    "hi": "बिल्ली छत पर बैठी है और बगीचे की ओर देख रही है जबकि बच्चे गेंद से खेल रहे हैं। शाम को पिता घर आते हैं और सबके लिए सूप बनाते हैं।",
    "mr": "मांजर छतावर बसली आहे आणि बागेकडे पाहत आहे तर मुले चेंडूने खेळत आहेत. संध्याकाळी वडील घरी येतात आणि सर्वांसाठी सूप बनवतात.",
    "ne": "बिरालो छानामा बसेको छ र बगैंचातिर हेरिरहेको छ जबकि केटाकेटीहरू बल खेलिरहेका छन्। साँझ बुबा घर आउनुहुन्छ र सबैका लागि सुप पकाउनुहुन्छ।",
    "bn": "বিড়ালটি ছাদে বসে বাগানের দিকে তাকিয়ে আছে আর শিশুরা বল নিয়ে খেলছে। সন্ধ্যায় বাবা বাড়ি ফিরে সবার জন্য স্যুপ রান্না করেন।",
    "pa": "ਬਿੱਲੀ ਛੱਤ ਉੱਤੇ ਬੈਠੀ ਹੈ ਅਤੇ ਬਾਗ ਵੱਲ ਦੇਖ ਰਹੀ ਹੈ ਜਦੋਂ ਕਿ ਬੱਚੇ ਗੇਂਦ ਨਾਲ ਖੇਡ ਰਹੇ ਹਨ। ਸ਼ਾਮ ਨੂੰ ਪਿਤਾ ਘਰ ਆਉਂਦੇ ਹਨ ਅਤੇ ਸਭ ਲਈ ਸੂਪ ਬਣਾਉਂਦੇ ਹਨ।",
    "ta": "பூனை கூரையின் மீது அமர்ந்து தோட்டத்தைப் பார்க்கிறது, குழந்தைகள் பந்து விளையாடுகிறார்கள். மாலையில் அப்பா வீட்டிற்கு வந்து எல்லோருக்கும் சூப் சமைக்கிறார்.",
    "te": "పిల్లి పైకప్పు మీద కూర్చుని తోట వైపు చూస్తోంది, పిల్లలు బంతితో ఆడుకుంటున్నారు. సాయంత్రం నాన్న ఇంటికి వచ్చి అందరికీ సూప్ వండుతారు.",
    "kn": "ಬೆಕ್ಕು ಛಾವಣಿಯ ಮೇಲೆ ಕುಳಿತು ತೋಟದ ಕಡೆ ನೋಡುತ್ತಿದೆ, ಮಕ್ಕಳು ಚೆಂಡಿನೊಂದಿಗೆ ಆಡುತ್ತಿದ್ದಾರೆ. ಸಂಜೆ ಅಪ್ಪ ಮನೆಗೆ ಬಂದು ಎಲ್ಲರಿಗೂ ಸೂಪ್ ಮಾಡುತ್ತಾರೆ.",
    "ko": "고양이가 지붕 위에 앉아서 정원을 바라보는 동안 아이들은 공놀이를 합니다. 저녁에는 아버지가 집에 와서 모두를 위해 수프를 끓입니다.",
    "ja": "猫は屋根の上に座って庭を眺め、子供たちは下でボール遊びをしています。夕方には父が家に帰ってきて、みんなのためにスープを作ります。",
    "zh": "猫坐在屋顶上看着花园，孩子们在下面玩球。晚上父亲回到家里，为大家煮汤。",
    "th": "แมวนั่งอยู่บนหลังคาและมองไปที่สวนในขณะที่เด็กๆ เล่นบอลอยู่ข้างล่าง ตอนเย็นพ่อกลับบ้านและทำซุปให้ทุกคน",
}
_ODD = ("\u200b", "é", "ﬁ", "Ａ", "😀", "\u00a0", "ß", "İ", "K", "–", "…", "’", "“", "\t", "\u0301", "\r\n", "ǅ")

Change = Callable[[str, random.Random], str]


def _spliced(text: str, piece: str, rng: random.Random, times: int = 1) -> str:
    """The piece put between words, at random places."""
    words = text.split(" ")
    for _ in range(times):
        words.insert(rng.randint(0, len(words)), piece)
    return " ".join(words)


def _some(text: str, pattern: str, new: str, rng: random.Random) -> str:
    """About half of the matches replaced."""
    return re.sub(pattern, lambda hit: new if rng.random() < 0.5 else hit[0], text)


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randint(0, len(text))]


def _odd(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(_ODD) + text[at:]
    return text


GENERAL: Mapping[str, Change] = {
    "upper": lambda t, r: t.upper(),
    "lower": lambda t, r: t.lower(),
    "title": lambda t, r: t.title(),
    "swapped": lambda t, r: "".join(c.swapcase() if r.random() < 0.02 else c for c in t),
    "no commas": lambda t, r: t.replace(",", ""),
    "commas": lambda t, r: _some(t, " ", ", ", r),
    "one comma": lambda t, r: _spliced(t.replace(",", ""), ",", r),
    "quoted": lambda t, r: f'"{t.strip()}"',
    "half quoted": lambda t, r: r.choice(['"{}', '{}"', ' "{}" \n', "“{}”", "'{}'", '""{}""']).format(t.strip()),
    "dashes": lambda t, r: re.sub(r"(?m)^\s*[*•]\s", "- ", t),
    "dots": lambda t, r: re.sub(r"(?m)^\s*[*-]\s", "• ", t),
    "bulleted": lambda t, r: re.sub(r"(?m)^(?=\S)", "* ", t),
    "tight bullets": lambda t, r: re.sub(r"(?m)^\s*([*-])\s", r"\1", t),
    "rules": lambda t, r: _some(t, r"\n\n", "\n\n---\n\n", r),
    "starred": lambda t, r: _some(t, r"\n\n", r.choice(["\n***\n", "\n\n***\n\n", " *** ", "***"]), r),
    "six stars": lambda t, r: _some(t, r"\n\n", "\n******\n", r),
    "joined": lambda t, r: re.sub(r"\n\s*\n", "\n", t),
    "apart": lambda t, r: re.sub(r"(?<=[.!?]) ", "\n\n", t),
    "bold": lambda t, r: _some(t, r"\b(\w{5,})\b", "**bold**", r),
    "bracketed": lambda t, r: _some(t, r"\b(\w{7,})\b", "[thing]", r),
    "cut": _cut,
    "doubled": lambda t, r: f"{t}\n\n{t}",
    "odd": _odd,
    "spaced": lambda t, r: r.choice([" {}", "\n\n{}", "{} ", "{}\n\n", "\t{}\r\n"]).format(t),
    "no marks": lambda t, r: re.sub(r"[.!?]", "", t),
    "abbreviated": lambda t, r: _spliced(
        t, r.choice(["Dr. Smith", "e.g. this", "U.S. law", "3.5", "a... b", "St. 5"]), r
    ),
    "other language": lambda t, r: r.choice(list(LANGUAGES.values())),
    "mixed language": lambda t, r: f"{t}\n\n{r.choice(list(LANGUAGES.values()))}",
    "empty": lambda t, r: r.choice(["", " ", "\n\n"]),
    "short": lambda t, r: r.choice(["Yes.", "42", "I", "My answer is yes.", "{}", "...", "* ", "OK, so", "NO"]),
}


def mutations(instruction_id: str, kwargs: Mapping[str, Any], answer: str, seed: int) -> Iterator[Mutation]:
    """Yield the answer, the answer at the edge of what is asked, and the answer changed in each general way."""
    rng = random.Random(seed)
    yield Mutation("as it is", answer)
    given = {key: value for key, value in kwargs.items() if value}
    for text in _AT_THE_EDGE.get(instruction_id, _nothing)(answer, given, rng):
        yield Mutation("at the edge", text)
    for name, change in GENERAL.items():
        yield Mutation(name, change(answer, rng))


Edge = Callable[[str, Mapping[str, Any], random.Random], Iterator[str]]


def _nothing(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    return iter(())


def _around(number: int) -> tuple[int, ...]:
    return tuple(n for n in (number - 1, number, number + 1) if n >= 0)


def _to_length(pattern: str, field: str) -> Edge:
    """The text repeated and cut so that it has one unit fewer, as many and one more."""

    def edge(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
        for number in _around(k[field]):
            long = text or "One more."
            while len(ends := [hit.end() for hit in re.finditer(pattern, long)]) < number and len(long) < 60_000:
                long = f"{long} {long}" if ends else f"{long} One more."
            yield long[: ends[min(number, len(ends)) - 1]] if number and ends else ""

    return edge


def _with_pieces(field: str, pieces: Callable[[Mapping[str, Any]], tuple[str, ...]], clean: str) -> Edge:
    """The text without any, then with one fewer, as many, one more of what is counted."""

    def edge(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
        bare = re.sub(clean.format(**{name: re.escape(str(value)) for name, value in k.items()}), "", text)
        for number in _around(k[field]):
            out = bare
            for _ in range(number):
                out = _spliced(out, rng.choice(pieces(k)), rng)
            yield out

    return edge


def _keywords(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    words = k.get("keywords") or k.get("forbidden_words") or [k.get("keyword", "")]
    for word in words:
        yield re.sub(re.escape(word), "", text, flags=re.IGNORECASE)
        for spelled in (word, word.upper(), f"{word}s", f"un{word}", f"{word},", f"({word})", f"{word}_x", f"{word}-x"):
            yield _spliced(text, spelled, rng, rng.choice((1, k.get("frequency", 1))))
    yield _spliced(text, " and ".join(words), rng)


def _frequency(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    word = k["keyword"].strip()
    bare = re.sub(re.escape(word), "", text, flags=re.IGNORECASE)
    for number in _around(k["frequency"]):
        yield _spliced(bare, rng.choice((word, word.upper(), f"{word}s", f"x{word}")), rng, number)
    yield from list(_keywords(text, k, rng))[:6]


def _paragraphs(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    part = text.replace("***", "").strip() or "x"
    for number in _around(k["num_paragraphs"]):
        for mark in ("***", "\n***\n", "\n\n***\n\n", "\n* * *\n", "\n****\n", "***\n***"):
            yield mark.join([part[:200]] * number)
        yield "***\n" + "\n***\n".join([part[:200]] * number) + "\n***"


def _first_word(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    part = re.sub(r"\s*\n\s*", " ", text).strip()[:200] or "x"
    for number in _around(k["num_paragraphs"]):
        for word in (
            k["first_word"],
            k["first_word"].title() + ",",
            f'"{k["first_word"]}"',
            f"**{k['first_word']}**",
            "x",
        ):
            parts = [part] * max(number, 1)
            at = min(k["nth_paragraph"], len(parts)) - 1
            parts[at] = f"{word} {part}"
            yield rng.choice(("\n\n", "\n\n", "\n\n", "\n\n\n", "\n \n", "\n\n\n\n", "\n")).join(parts)


def _bullets(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    bare = re.sub(r"(?m)^\s*[*-]+", "", text)[:300]
    for number in _around(k["num_bullets"]):
        for mark in ("* ", "- ", "*", "-", "  * ", "** ", "• ", "1. ", "*\t"):
            yield bare + "".join(f"\n{mark}item {n}" for n in range(number))
    yield bare + "\n* a" * (k["num_bullets"] - 1) + "\n---\n" + bare
    yield bare + "\n* a" * (k["num_bullets"] - 1) + "\n*\n" + bare


def _sections(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    word = k["section_spliter"].strip()
    for number in _around(k["num_sections"]):
        for head in ("{} {}\n", "**{} {}**\n", "{}{}: ", "# {} {}\n", "{}  {}\n", "{}\n{}\n", "{} #{}\n"):
            yield "\n\n".join(head.format(word, n + 1) + text[:100] for n in range(number))
        yield "\n\n".join(f"{word.swapcase()} {n + 1}\n{text[:100]}" for n in range(number))


def _postscript(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    mark = k["postscript_marker"]
    spellings = (
        mark,
        mark.lower(),
        mark.replace(".", ". "),
        mark.replace(".", ""),
        "PS:",
        "P.S",
        "P. S.",
        "P.P.S.",
        "**P.S.**",
    )
    for spelled in spellings:
        yield f"{text}\n\n{spelled} I forgot something"
        yield f"{text} {spelled}"


def _json(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    value = json.dumps({"answer": text, "n": [1, 2.5, None, True]})
    for template in (
        "{}",
        "```json\n{}\n```",
        "```\n{}\n```",
        "```JSON\n{}```",
        "Here it is:\n{}",
        "{},",
        " {} \n",
        "`{}`",
        "```{}",
    ):
        yield template.format(value)
    yield from (
        "[1, 2",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        '"text"',
        "12",
        "null",
        '{"a": 1,}',
        '{"a": "x\ny"}',
    )


def _repeat(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    said = k["prompt_to_repeat"]
    for form in ("{}\n\n", "{}", rng.choice((" {} ", "\n{}\n")), '"{}"\n', "Prompt: {}\n", "**{}**\n"):
        yield form.format(said) + text
    yield f"{said.lower()}\n{text}"
    yield f"{said.strip()[:-1]}\n{text}"


def _end(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    phrase = k["end_phrase"]
    for form in ("{}", '{}"', "{}\n", "{} ", "{}.", "{}!", '"{}"', "**{}**", "{}”", "{} Thanks"):
        yield f"{text} {form.format(phrase)}"
    yield f"{text} {phrase.upper()}"
    yield phrase


def _title(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    bare = text.replace("<", "").replace(">", "")
    for title in (
        "<<A title>>",
        "<< >>",
        "<<>>",
        "<<<x>>>",
        "<A title>",
        "<<A\ntitle>>",
        "<<A>> and <<B>>",
        "<<x>",
        ">><<",
    ):
        yield f"{title}\n\n{bare}"


def _responses(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    part = text.replace("*", "")[:300].strip() or "x"
    for mark in (
        "******",
        "\n******\n",
        "\n\n*****\n\n",
        "\n\n*******\n\n",
        "\n\n******\n\n******\n\n",
        "\n* * * * * *\n",
    ):
        yield f"{part}{mark}other {part}"
        yield f"{part}{mark}{part}"
    yield f"******{part}******other******"
    yield f"{part}******b******c"


def _options(text: str, k: Mapping[str, Any], rng: random.Random) -> Iterator[str]:
    for said in (
        "My answer is yes.",
        "My answer is no.",
        "my answer is maybe.",
        "My answer is maybe",
        "My answer is: no.",
    ):
        yield f"{text} {said}"
        yield said


_CAPITALS = (
    "NASA",
    "I",
    "U.S.",
    "COVID-19",
    "A",
    "DON'T",
    "I'M",
    "WELL-KNOWN",
    "(USA)",
    '"NO"',
    "B2B",
    "AND/OR",
    "CANNOT",
)
_AT_THE_EDGE: Mapping[str, Edge] = {
    "keywords:existence": _keywords,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _keywords,
    "keywords:letter_frequency": _with_pieces(
        "let_frequency", lambda k: (k["letter"], k["letter"].upper()), "(?i){letter}"
    ),
    "language:response_language": lambda t, k, r: iter([LANGUAGES[k["language"]]] * (k["language"] in LANGUAGES)),
    "length_constraints:number_sentences": _to_length(r"[.!?]+(?=\s|$)", "num_sentences"),
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _to_length(r"\w+", "num_words"),
    "length_constraints:nth_paragraph_first_word": _first_word,
    "detectable_content:number_placeholders": _with_pieces(
        "num_placeholders", lambda k: ("[name]", "[the address]", "[x][y]", "[]", "[a[b]", "[a\nb]"), r"[\[\]]"
    ),
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:constrained_response": _options,
    "detectable_format:number_highlighted_sections": _with_pieces(
        "num_highlights", lambda k: ("*so*", "**so**", "* so *", "****", "*a\nb*", "_so_", "***so***"), r"\*"
    ),
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json,
    "detectable_format:title": _title,
    "combination:two_responses": _responses,
    "combination:repeat_prompt": _repeat,
    "startend:end_checker": _end,
    "change_case:capital_word_frequency": _with_pieces("capital_frequency", lambda k: _CAPITALS, r"\b[A-Z]+\b"),
    "change_case:english_capital": lambda t, k, r: iter([t.upper()] * 3 + [LANGUAGES["de"].upper()]),
    "change_case:english_lowercase": lambda t, k, r: iter([t.lower()] * 3 + [LANGUAGES["de"].lower()]),
}
