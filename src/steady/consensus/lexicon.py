"""
Words that turn a statement around, in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish.

The lists are short on purpose: they hold what decides between opposite answers. A word that is common and harmless in
another of the languages is left out (Italian "due", Spanish "once", Polish "ten"). All are casefolded NFKC.
"""


def _list(*rows: str) -> tuple[str, ...]:
    return tuple(word for row in rows for word in row.split())


NEGATIONS = frozenset(
    _list(
        # en
        "not never no none nobody nothing neither nor cannot without nowhere deny denies denied denying denial forbid",
        "forbids forbidden unable false wrong less fewer lower illegal unsafe expired closed lost before nope nah",
        # de
        "nicht nichts niemand nie niemals ohne weder nein falsch verboten weniger niedriger gesunken",
        # fr ("ne" goes with one of these and would count twice)
        "pas jamais rien sans ni non faux fausse moins",
        # es, pt
        "nunca jamás jamais nada nadie sin tampoco falso falsa menos não nao ninguém sem nem",
        # it
        "mai nulla niente senza né meno",
        # nl
        "niet geen nooit niets niemand zonder noch nee verboden fout minder afgewezen mislukt",
        # pl
        "nigdy nic nikt żaden żadna żadne bez ani mniej",
        # zh, ja
        "不 没 沒 無 无 未 非",
    )
)

NEGATION_STEMS = _list(
    # en; several serve the Romance languages too
    "reject refus declin disapprov disallow disabl prohibit unavailab impossib invalid incorrect inelig unsuccess",
    "unapprov fail decreas cancel revok inaccura inactiv",
    # de
    "kein abgelehn ablehn verweiger unmöglich ungültig unzuläss gescheiter fehlgeschlag storn",
    # fr
    "aucun rejet interdi échou annul indispon",
    # es, pt, it
    "ningun ningún nenhum nessun rechaz deneg negad negat prohib proib vietat imposib impossív inválid rifiut",
    "respint recus rejeit fracas fallit incorret scorrett",
    # nl
    "weiger geweiger onmogelijk ongeldig onjuist geannul",
    # pl
    "odrzuc odmów odmow zabron niemożl nieważn niepopraw fałsz anulow",
)

# A word and the same word behind one of these are opposites: covered, uncovered.
PREFIXES = _list("un in im il ir dis non mis des dés on nie")

YES = frozenset(_list("yes yeah yep yup ja jawohl jawel oui sí sì sim tak 是 はい"))
NO = frozenset(_list("no nope nah nein non não nao nee nie 否 いいえ"))

# Words for dates and durations; those of one row mean the same.
_CALENDAR_ROWS = """
second seconds sekunde sekunden seconde secondes segundo segundos secondo secondi seconden sekunda sekund sekundy
minute minutes minuten minuto minutos minuti minuut minut minuty
hour hours stunde stunden heure heures hora horas ora ore uur uren godzina godzin godziny
day days tag tage tagen jour jours día días giorno giorni dia dias dag dagen dzień dni
week weeks woche wochen semaine semaines semana semanas settimana settimane weken tydzień tygodnie tygodni
month months monat monate monaten mois mes meses mese mesi mês maand maanden miesiąc miesiące miesięcy
year years jahr jahre jahren ans année années año años anno anni ano anos jaar jaren rok lata lat
today heute aujourd'hui hoy oggi hoje vandaag dzisiaj dziś
tomorrow demain mañana domani amanhã morgen jutro
yesterday gestern ayer ieri ontem gisteren wczoraj
monday montag lundi lunes lunedì maandag poniedziałek
tuesday dienstag mardi martes martedì terça dinsdag wtorek
wednesday mittwoch mercredi miércoles mercoledì quarta woensdag środa środę
thursday donnerstag jeudi jueves giovedì quinta donderdag czwartek
friday freitag vendredi viernes venerdì sexta vrijdag piątek
saturday samstag sonnabend samedi sábado sabato zaterdag sobota sobotę
sunday sonntag dimanche domingo domenica zondag niedziela niedzielę
january januar janvier enero gennaio janeiro januari styczeń stycznia
february februar février febrero febbraio fevereiro februari luty lutego
march märz mars marzo março maart marzec marca
april avril abril aprile kwiecień kwietnia
mayo maggio maio mei maja
june juni juin junio giugno junho czerwiec czerwca
july juli juillet julio luglio julho lipiec lipca
august août agosto augustus sierpień sierpnia
september septembre septiembre settembre setembro wrzesień września
october oktober octobre octubre ottobre outubro październik października
november novembre noviembre novembro listopad listopada
december dezember décembre diciembre dicembre dezembro grudzień grudnia
"""
CALENDAR: dict[str, str] = {word: row.split()[0] for row in _CALENDAR_ROWS.strip().splitlines() for word in row.split()}

# Numbers in words; one is left out, since it is also the article in most of the languages.
_NUMBER_ROWS = """
2 two zwei deux dos dois duas twee dwa dwie
3 three drei trois tres tre três drie trzy
4 four vier quatre cuatro quattro quatro cztery
5 five fünf cinq cinco cinque vijf pięć
6 six sechs seis zes sześć
7 seven sieben sept siete sette sete zeven siedem
8 eight acht huit ocho otto oito osiem
9 nine neun neuf nueve nove negen dziewięć
10 ten zehn dix diez dieci dez tien dziesięć
11 eleven elf onze undici jedenaście
12 twelve zwölf douze doce dodici doze twaalf dwanaście
14 fourteen vierzehn quatorze catorce quattordici catorze veertien czternaście
15 fifteen fünfzehn quinze quince quindici vijftien piętnaście
20 twenty zwanzig vingt veinte venti vinte twintig dwadzieścia
30 thirty dreissig trente treinta trenta trinta dertig trzydzieści
60 sixty sechzig soixante sesenta sessanta sessenta zestig sześćdziesiąt
90 ninety neunzig noventa novanta negentig dziewięćdziesiąt
100 hundred hundert cien ciento cento cem honderd
1000 thousand tausend mille mil duizend tysiąc
1000000 million millionen millón milione milhão miljoen milion
"""
NUMBERS: dict[str, str] = {
    word: row.split()[0] for row in _NUMBER_ROWS.strip().splitlines() for word in row.split()[1:]
}

# Capitalised words that are no names: pronouns of address, and what sentences open with.
NOT_NAMES = frozenset(
    _list(
        "i i'm i've i'll i'd sie ihr ihnen ihre ihrem ihren ihrer ok the a an this that these those it its it's we",
        "we're you you're your our my he she they their there here in on at for to of from with by as is are was",
        "were be will would can could should may might must do does did has have had if when while after before",
        "since because so but and or also however therefore please note yes no not sure certainly okay well thank",
        "thanks sorry unfortunately hello hi dear what which who how why all any some each once der die das den",
        "dem des ein eine einen einem einer es wir er mein meine unser unsere dies diese dieser dieses im am auf",
        "mit für von zu bei nach wenn weil und oder aber auch bitte leider hallo danke gerne natürlich ja nein le",
        "la les l'un une du ce cet cette ces il elle nous vous ils elles mon ma mes notre nos votre vos leur en à",
        "au aux pour avec par sur dans si quand et ou mais oui non merci bonjour désolé el los las lo un una unos",
        "unas este esta estos estas su sus nuestro nuestra usted se con por para de del al y o pero sí gracias",
        "hola gli uno questo questa questi queste suo sua nostro nostra per da di della nel nella e sì grazie ciao",
        "os um uma isto seu nosso nossa em na com mas sim não obrigado olá het een dit dat deze u uw wij onze ons",
        "hij zij ze op aan voor met van te bij als maar ook ten ta jest są był była było w z dla po przy ale tak",
        "nie proszę dziękuję pan pani państwa twój twoja twoje nasz nasza nasze",
    )
)
