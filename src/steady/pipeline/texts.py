"""
What the user is told, in words: the standard texts by version, locale and case, and which locale a caller gets.

A text says how many drafts agreed and nothing more: never that an answer is right, nor that it would come again.
Sentences are written so that no number changes their grammar. Changing one means a new version beside the old one,
since the old one stands in conversations that clients still send (`history.py` takes it out of them).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, NamedTuple, get_args

Case = Literal["agreed", "low", "fields", "fields_low", "scale", "scale_low", "single", "fallback"]
CASES: tuple[Case, ...] = get_args(Case)
MEASURED: frozenset[Case] = frozenset({"agreed", "low", "fields", "fields_low"})  # a number of drafts agreed
SCALES: frozenset[Case] = frozenset({"scale", "scale_low"})  # a mean likeness, on which no draft is counted
VERSION = 1  # of the texts that are written now
DEFAULT = "en"


class Sentences(NamedTuple):
    """The sentences of one language, out of which every case is put together."""

    chosen: str
    differed: str  # instead of `chosen`, where agreement is low
    tally: str
    tally_low: str
    fields: str  # json: agreement is the least over its required fields
    fields_low: str
    scale: str  # lists: a mean likeness in hundredths stands in the place of a count
    proof: str
    again: str
    single: str
    fallback: str
    tie: str
    space: str = " "  # between two sentences


_V1: dict[str, Sentences] = {
    "ar": Sentences(
        "اختير هذا الجواب من بين عدة مسودات أنتجها نموذج ذكاء اصطناعي.",
        "اختير هذا الجواب من بين عدة مسودات مختلفة أنتجها نموذج ذكاء اصطناعي.",
        "المسودات المستقلة المتفقة: {agreed} من {of}.",
        "المسودات المستقلة المتفقة: {agreed} فقط من {of}.",
        "في كل حقل إلزامي، المسودات المستقلة المتفقة: {agreed} من {of} على الأقل.",
        "في حقل إلزامي واحد على الأقل، المسودات المستقلة المتفقة: {agreed} فقط من {of}.",
        "درجة اتفاق المسودات المستقلة، وعددها {of}، على مقياس من 0 إلى 100: {agreed}.",
        "الاتفاق لا يدل على أن الجواب صحيح.",
        "إذا طُرح السؤال مرة أخرى فقد يختلف الجواب.",
        "هذا الجواب مسودة واحدة أنتجها نموذج ذكاء اصطناعي، ولم يتم قياس الاتفاق.",
        "هذا رد بديل: لم يتم اختيار جواب بالطريقة المعتادة من مسودات نموذج ذكاء اصطناعي، ولا ادعاء هنا بأي اتفاق.",
        "حدث تعادل وحسمته قاعدة ثابتة.",
    ),
    "de": Sentences(
        "Diese Antwort wurde aus mehreren Entwürfen eines KI-Modells ausgewählt.",
        "Diese Antwort wurde aus mehreren, voneinander abweichenden Entwürfen eines KI-Modells ausgewählt.",
        "Übereinstimmung unabhängiger Entwürfe: {agreed} von {of}.",
        "Übereinstimmung unabhängiger Entwürfe: nur {agreed} von {of}.",
        "Übereinstimmung unabhängiger Entwürfe bei jedem Pflichtfeld: mindestens {agreed} von {of}.",
        "Übereinstimmung unabhängiger Entwürfe bei mindestens einem Pflichtfeld: nur {agreed} von {of}.",
        "Übereinstimmung unabhängiger Entwürfe (Anzahl: {of}) auf einer Skala von 0 bis 100: {agreed}.",
        "Übereinstimmung zeigt nicht, dass die Antwort richtig ist.",
        "Bei erneuter Frage kann die Antwort anders ausfallen.",
        "Diese Antwort ist ein einzelner Entwurf eines KI-Modells; Übereinstimmung wurde nicht gemessen.",
        "Dies ist eine Ersatzantwort: Auf dem üblichen Weg wurde keine Antwort aus Entwürfen eines KI-Modells "
        "ausgewählt, und es wird keine Übereinstimmung behauptet.",
        "Es gab Gleichstand, den eine feste Regel entschied.",
    ),
    "en": Sentences(
        "This answer was chosen from several drafts by an AI model.",
        "This answer was chosen from several drafts by an AI model, and they differed.",
        "{agreed} of {of} independent drafts agreed.",
        "Only {agreed} of {of} independent drafts agreed.",
        "On every required field, at least {agreed} of {of} independent drafts agreed.",
        "On at least one required field, only {agreed} of {of} independent drafts agreed.",
        "On a scale from 0 to 100, {of} independent drafts agreed by {agreed}.",
        "Agreement does not show that it is correct.",
        "Asked again, the answer may differ.",
        "This answer is a single draft by an AI model; agreement was not measured.",
        "This is a fallback reply: no answer was chosen from drafts by an AI model in the usual way, "
        "and no agreement is claimed.",
        "It was a tie, broken by a fixed rule.",
    ),
    "es": Sentences(
        "Esta respuesta se eligió entre varios borradores de un modelo de IA.",
        "Esta respuesta se eligió entre varios borradores de un modelo de IA que diferían entre sí.",
        "Borradores independientes que coincidieron: {agreed} de {of}.",
        "Borradores independientes que coincidieron: solo {agreed} de {of}.",
        "En cada campo obligatorio, borradores independientes que coincidieron: al menos {agreed} de {of}.",
        "En al menos un campo obligatorio, borradores independientes que coincidieron: solo {agreed} de {of}.",
        "Coincidencia de borradores independientes (número: {of}) en una escala de 0 a 100: {agreed}.",
        "La coincidencia no demuestra que la respuesta sea correcta.",
        "Si se pregunta de nuevo, la respuesta puede ser distinta.",
        "Esta respuesta es un único borrador de un modelo de IA; no se midió la coincidencia.",
        "Esta es una respuesta de reserva: no se eligió ninguna respuesta de la forma habitual entre borradores de un "
        "modelo de IA, y no se afirma ninguna coincidencia.",
        "Hubo un empate, resuelto por una regla fija.",
    ),
    "fr": Sentences(
        "Cette réponse a été choisie parmi plusieurs versions produites par un modèle d'IA.",
        "Cette réponse a été choisie parmi plusieurs versions divergentes produites par un modèle d'IA.",
        "Versions indépendantes concordantes : {agreed} sur {of}.",
        "Versions indépendantes concordantes : seulement {agreed} sur {of}.",
        "Pour chaque champ obligatoire, versions indépendantes concordantes : au moins {agreed} sur {of}.",
        "Pour au moins un champ obligatoire, versions indépendantes concordantes : seulement {agreed} sur {of}.",
        "Concordance des versions indépendantes (nombre : {of}) sur une échelle de 0 à 100 : {agreed}.",
        "La concordance ne montre pas que la réponse est exacte.",
        "Posée à nouveau, la même question peut recevoir une autre réponse.",
        "Cette réponse est une version unique produite par un modèle d'IA ; la concordance n'a pas été mesurée.",
        "Ceci est une réponse de repli : aucune réponse n'a été choisie de la façon habituelle parmi des versions "
        "produites par un modèle d'IA, et aucune concordance n'est affirmée.",
        "Il y avait égalité ; une règle fixe a tranché.",
    ),
    "it": Sentences(
        "Questa risposta è stata scelta tra più bozze di un modello di IA.",
        "Questa risposta è stata scelta tra più bozze di un modello di IA, diverse tra loro.",
        "Bozze indipendenti concordanti: {agreed} su {of}.",
        "Bozze indipendenti concordanti: solo {agreed} su {of}.",
        "Per ogni campo obbligatorio, bozze indipendenti concordanti: almeno {agreed} su {of}.",
        "Per almeno un campo obbligatorio, bozze indipendenti concordanti: solo {agreed} su {of}.",
        "Concordanza delle bozze indipendenti (numero: {of}) su una scala da 0 a 100: {agreed}.",
        "La concordanza non dimostra che la risposta sia corretta.",
        "Ripetendo la domanda, la risposta può essere diversa.",
        "Questa risposta è una singola bozza di un modello di IA; la concordanza non è stata misurata.",
        "Questa è una risposta di riserva: nessuna risposta è stata scelta nel modo abituale tra bozze di un modello "
        "di IA, e non si afferma alcuna concordanza.",
        "C'è stato un pareggio, risolto da una regola fissa.",
    ),
    "ja": Sentences(
        "この回答は、AIモデルによる複数の下書きから選ばれました。",
        "この回答は、AIモデルによる、互いに異なる複数の下書きから選ばれました。",
        "独立した下書き{of}件のうち{agreed}件が一致しました。",
        "独立した下書き{of}件のうち、一致したのは{agreed}件だけでした。",
        "すべての必須項目で、独立した下書き{of}件のうち少なくとも{agreed}件が一致しました。",
        "少なくとも1つの必須項目で、独立した下書き{of}件のうち、一致したのは{agreed}件だけでした。",
        "独立した下書き{of}件の一致度は、0から100の尺度で{agreed}です。",
        "一致していても、正しいとは限りません。",
        "もう一度尋ねると、回答が変わることがあります。",
        "この回答は、AIモデルによる1件の下書きです。一致度は測定していません。",
        "これは代替の回答です。通常の方法ではAIモデルの下書きから回答が選ばれておらず、一致については何も主張しません。",
        "同数だったため、決められた規則で選びました。",
        "",
    ),
    "nl": Sentences(
        "Dit antwoord is gekozen uit meerdere concepten van een AI-model.",
        "Dit antwoord is gekozen uit meerdere, onderling verschillende concepten van een AI-model.",
        "Overeenstemmende onafhankelijke concepten: {agreed} van de {of}.",
        "Overeenstemmende onafhankelijke concepten: slechts {agreed} van de {of}.",
        "Overeenstemmende onafhankelijke concepten bij elk verplicht veld: minstens {agreed} van de {of}.",
        "Overeenstemmende onafhankelijke concepten bij minstens één verplicht veld: slechts {agreed} van de {of}.",
        "Overeenstemming van onafhankelijke concepten (aantal: {of}) op een schaal van 0 tot 100: {agreed}.",
        "Overeenstemming toont niet aan dat het antwoord juist is.",
        "Als de vraag opnieuw wordt gesteld, kan het antwoord anders zijn.",
        "Dit antwoord is één enkel concept van een AI-model; overeenstemming is niet gemeten.",
        "Dit is een vervangend antwoord: er is op de gebruikelijke manier geen antwoord uit concepten van een AI-model "
        "gekozen, en er wordt geen overeenstemming beweerd.",
        "Het was een gelijke stand, beslist door een vaste regel.",
    ),
    "pl": Sentences(
        "Tę odpowiedź wybrano spośród kilku wersji przygotowanych przez model AI.",
        "Tę odpowiedź wybrano spośród kilku różniących się wersji przygotowanych przez model AI.",
        "Zgodne niezależne wersje: {agreed} z {of}.",
        "Zgodne niezależne wersje: tylko {agreed} z {of}.",
        "W każdym wymaganym polu zgodne niezależne wersje: co najmniej {agreed} z {of}.",
        "W co najmniej jednym wymaganym polu zgodne niezależne wersje: tylko {agreed} z {of}.",
        "Zgodność niezależnych wersji (liczba: {of}) w skali od 0 do 100: {agreed}.",
        "Zgodność nie dowodzi, że odpowiedź jest poprawna.",
        "Przy ponownym pytaniu odpowiedź może być inna.",
        "Ta odpowiedź to pojedyncza wersja przygotowana przez model AI; zgodności nie zmierzono.",
        "To odpowiedź zastępcza: nie wybrano odpowiedzi w zwykły sposób spośród wersji przygotowanych przez model AI "
        "i nie stwierdza się żadnej zgodności.",
        "Był remis, rozstrzygnięty stałą regułą.",
    ),
    "pt": Sentences(
        "Esta resposta foi escolhida entre vários rascunhos de um modelo de IA.",
        "Esta resposta foi escolhida entre vários rascunhos de um modelo de IA, que divergiam entre si.",
        "Rascunhos independentes concordantes: {agreed} de {of}.",
        "Rascunhos independentes concordantes: apenas {agreed} de {of}.",
        "Em cada campo obrigatório, rascunhos independentes concordantes: pelo menos {agreed} de {of}.",
        "Em pelo menos um campo obrigatório, rascunhos independentes concordantes: apenas {agreed} de {of}.",
        "Concordância dos rascunhos independentes (número: {of}) numa escala de 0 a 100: {agreed}.",
        "A concordância não mostra que a resposta esteja correta.",
        "Se a pergunta for repetida, a resposta pode ser diferente.",
        "Esta resposta é um único rascunho de um modelo de IA; a concordância não foi medida.",
        "Esta é uma resposta alternativa: nenhuma resposta foi escolhida da forma habitual entre rascunhos de um "
        "modelo de IA, e não se afirma nenhuma concordância.",
        "Houve um empate, decidido por uma regra fixa.",
    ),
    "tr": Sentences(
        "Bu yanıt, bir yapay zekâ modelinin birden çok taslağı arasından seçildi.",
        "Bu yanıt, bir yapay zekâ modelinin birbirinden farklı taslakları arasından seçildi.",
        "Uyuşan bağımsız taslaklar: {agreed}/{of}.",
        "Uyuşan bağımsız taslaklar: yalnızca {agreed}/{of}.",
        "Her zorunlu alanda uyuşan bağımsız taslaklar: en az {agreed}/{of}.",
        "En az bir zorunlu alanda uyuşan bağımsız taslaklar: yalnızca {agreed}/{of}.",
        "Bağımsız taslakların (sayısı: {of}) uyuşması, 0 ile 100 arası ölçekte: {agreed}.",
        "Uyuşma, yanıtın doğru olduğunu göstermez.",
        "Yeniden sorulduğunda yanıt farklı olabilir.",
        "Bu yanıt, bir yapay zekâ modelinin tek bir taslağıdır; uyuşma ölçülmedi.",
        "Bu bir yedek yanıttır: bir yapay zekâ modelinin taslakları arasından olağan yolla yanıt seçilmedi ve hiçbir "
        "uyuşma iddia edilmiyor.",
        "Eşitlik vardı; sabit bir kural belirledi.",
    ),
    "zh": Sentences(
        "此回答选自 AI 模型的多份草稿。",
        "此回答选自 AI 模型的多份草稿，这些草稿并不一致。",
        "{of} 份独立草稿中有 {agreed} 份一致。",
        "{of} 份独立草稿中仅有 {agreed} 份一致。",
        "在每个必填字段上，{of} 份独立草稿中至少有 {agreed} 份一致。",
        "在至少一个必填字段上，{of} 份独立草稿中仅有 {agreed} 份一致。",
        "{of} 份独立草稿的一致程度（0 至 100）：{agreed}。",
        "一致并不表示回答正确。",
        "再次提问时，回答可能不同。",
        "此回答是 AI 模型的单份草稿，未测量一致程度。",
        "这是备用回复：未能以通常方式从 AI 模型的草稿中选出回答，也不声明任何一致程度。",
        "出现平局，由固定规则决定。",
        "",
    ),
}

VERSIONS: dict[int, dict[str, Sentences]] = {1: _V1}  # every version ever written; none is ever taken out or edited
LOCALES: tuple[str, ...] = tuple(VERSIONS[VERSION])


class Rendered(NamedTuple):
    """A text ready to show, and the locale that it is in."""

    text: str
    locale: str


def template(case: Case, sentences: Sentences, *, tie: bool = False) -> str:
    """Return the text of one case with `{agreed}` and `{of}` unfilled. A tie is told only where votes were counted."""
    s = sentences
    parts = {
        "agreed": (s.chosen, s.tally, s.proof),
        "low": (s.differed, s.tally_low, s.again),
        "fields": (s.chosen, s.fields, s.proof),
        "fields_low": (s.differed, s.fields_low, s.again),
        "scale": (s.chosen, s.scale, s.proof),
        "scale_low": (s.differed, s.scale, s.again),
        "single": (s.single, s.again),
        "fallback": (s.fallback,),
    }[case]
    return s.space.join((*parts, s.tie) if tie and case in MEASURED else parts)


def standard_templates() -> Iterator[str]:
    """Yield every standard text that any version can have written, unfilled."""
    for locales in VERSIONS.values():
        for sentences in locales.values():
            for case in CASES:
                yield template(case, sentences)
                if case in MEASURED:
                    yield template(case, sentences, tie=True)


def fill(text: str, agreed: int, of: int) -> str:
    """Put the two numbers into a template. Other braces are left as they are."""
    return text.replace("{agreed}", str(agreed)).replace("{of}", str(of))


def counts(text: str) -> bool:
    """Return whether a template names a number of drafts, and so can be true only where agreement was measured."""
    return "{agreed}" in text or "{of}" in text


def render(case: Case, locale: str, agreed: int, of: int, *, tie: bool = False) -> Rendered:
    """
    Return the standard text of a case in `locale`, in its language if the region is not known, else in English.

    Args:
        case: What is to be told.
        locale: A BCP 47 tag; anything else counts as unknown.
        agreed: Drafts that agreed, >= 0; in the cases of `SCALES` the mean likeness in hundredths.
        of: Drafts that were counted, >= `agreed`.
        tie: Whether another answer had as many votes.
    """
    used = match(locale, LOCALES) or DEFAULT
    return Rendered(fill(template(case, VERSIONS[VERSION][used], tie=tie), agreed, of), used)


def customs(text: str | Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts of its own that a policy's `disclose.text` holds, in the order of their locales."""
    if isinstance(text, str):
        text = {"": text}
    return tuple(text[key] for key in sorted(text) if text[key] != "standard")


def render_custom(
    custom: str | Mapping[str, str], case: Case, locale: str, agreed: int, of: int, *, tie: bool = False
) -> Rendered:
    """
    Return a policy's own text, or the standard one where its own would have to name numbers that were not measured.

    A text without a locale counts as being in the one asked for. Of texts by locale the nearest to `locale` is taken,
    else English, else the first by code point.
    """
    if isinstance(custom, str):
        text, used = custom, locale
    else:
        used = match(locale, custom) or (DEFAULT if DEFAULT in custom else min(custom, default=DEFAULT))
        text = custom.get(used, "standard")
    if text == "standard" or (counts(text) and case not in MEASURED):
        return render(case, used, agreed, of, tie=tie)
    return Rendered(fill(text.strip(), agreed, of), used)


_HEADER = 1000  # characters of an Accept-Language header that are read
_RANGES = 32  # language ranges in it that are read
_TAG = 64  # characters of one tag


def match(tag: str, available: Collection[str]) -> str | None:
    """
    Return the one of `available` that `tag` names, or that is left when its subtags are taken off from the right.

    RFC 4647 section 3.4 (Lookup), without its private-use step. Case and `_` for `-` make no difference.
    """
    if not tag or len(tag) > _TAG:
        return None
    known = {name.lower().replace("_", "-"): name for name in sorted(available, reverse=True)}
    parts = tag.strip().lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        if (name := known.get("-".join(parts[:length]))) is not None:
            return name
    return None


def _quality(parameters: str) -> float:
    """Return the q of a language range in [0, 1]; 1 where there is none, 0 where it is no number."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            digits = value.strip()
            plain = digits.isascii() and digits.replace(".", "", 1).isdigit()
            return min(float(digits), 1.0) if plain else 0.0
    return 1.0


def accepted(header: str) -> list[str]:
    """Return the tags of an Accept-Language header, best first, equals in its own order; `*` and q=0 left out."""
    ranges = []
    for item in header[:_HEADER].split(",")[:_RANGES]:
        tag, _, parameters = item.partition(";")
        quality = _quality(parameters)
        if quality > 0 and (tag := tag.strip()) and tag != "*":
            ranges.append((quality, tag))
    return [tag for _, tag in sorted(ranges, key=lambda item: -item[0])]


def negotiate(
    steady_locale: str | None,
    accept_language: str | None,
    policy_locale: str = "request",
    available: Collection[str] = LOCALES,
) -> str:
    """
    Return the locale of the texts: the request's `steady.locale`, else Accept-Language, else the policy's, else `en`.

    Args:
        steady_locale: A BCP 47 tag, or None.
        accept_language: The header as it came; nothing in it is an error, and only its first 1000 characters are read.
        policy_locale: A BCP 47 tag, or `request`, which names none.
        available: The locales that there are texts for.
    """
    wishes = [
        steady_locale or "",
        *accepted(accept_language or ""),
        "" if policy_locale == "request" else policy_locale,
    ]
    for wish in wishes:
        if (found := match(wish, available)) is not None:
            return found
    return DEFAULT
