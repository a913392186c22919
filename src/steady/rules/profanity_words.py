"""
Profane words, by language and severity: a short list written for Steady, of words that have hardly another use.

Left out on purpose are words that are ordinary in another sense or another language: `ass` (a donkey; German for ace),
`slut` (Swedish for end), `retard` (French for delay), `Troia` (Troy), `coon` (a breed of cats), `chink`, `kike` (a
Spanish first name), `dick`, `cock`. Who wants them names them as `extra`. Inflections are written out; a dash stands
for a blank. Severity: 1 mild (printed by most newspapers), 2 strong, 3 slurs that demean a group of people.
"""

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[int, str]] = {
    "en": {
        1: "damn damned dammit goddamn crap crappy bloody-hell piss pissed pissing bollocks bugger arse arses jackass",
        2: "fuck fucks fucked fucker fuckers fucking fuckin fuckup motherfucker motherfuckers motherfucking "
        "clusterfuck "
        "shit shits shitty shitting shithead shitheads bullshit horseshit bitch bitches bitching bitchy "
        "bastard bastards "
        "asshole assholes arsehole arseholes dumbass dickhead dickheads cunt cunts wanker wankers twat "
        "twats cocksucker "
        "cocksuckers douchebag douchebags jerkoff whore whores sluts slutty ",
        3: "nigger niggers nigga niggas faggot faggots kikes spic spics wetback wetbacks "
        "gook gooks raghead ragheads towelhead towelheads paki pakis",
    },
    "de": {
        1: "verdammt verdammte verdammter verdammtes scheiss scheiß kacke",
        2: "scheiße scheisse beschissen beschissene arschloch arschlöcher ficken fick ficker gefickt "
        "wichser wixer hurensohn "
        "hurensöhne fotze fotzen schlampe schlampen verpiss miststück drecksau drecksack scheißkerl",
        3: "kanake kanaken schwuchtel schwuchteln neger negern nigger spasti spastis",
    },
    "fr": {
        1: "merde merdes merdique foutu foutue bordel",
        2: "putain putains connard connards connasse connasses enculé enculés enculer salope salopes salaud "
        "salauds "
        "enfoiré enfoirés nique niquer branleur branleurs batard bâtard bâtards ",
        3: "pédé pédés bougnoule bougnoules négro négros youpin youpins",
    },
    "es": {
        1: "carajo joder jodido jodida mierdas mierda",
        2: "puta putas puto putos cabrón cabrona cabrones gilipollas coño hijoputa hijueputa pendejo "
        "pendeja pendejos "
        "chingar chingado chingada follar culero culeros malparido",
        3: "maricón maricones sudaca sudacas negrata negratas",
    },
    "it": {
        1: "merdoso incazzato incazzata",
        2: "cazzo cazzi merda merde stronzo stronza stronzi stronze vaffanculo puttana puttane coglione "
        "coglioni "
        "minchia figlio-di-puttana bastardo bastardi",
        3: "frocio froci ricchione ricchioni ",
    },
    "pt": {
        1: "merda merdas ",
        2: "caralho porra foder fodido fodida foda-se puta putas filho-da-puta buceta boceta cuzão cuzões "
        "arrombado "
        "arrombada ",
        3: "viado viados ",
    },
    "nl": {
        1: "verdomme godverdomme verdomd",
        2: "kut klootzak klootzakken hoer hoeren neuken kutwijf ",
        3: "flikker flikkers ",
    },
    "pl": {
        1: "cholera-jasna gówno",
        2: "kurwa kurwy kurwo skurwysyn skurwysyny chuj chuje pierdolić pierdolę pierdolony spierdalaj "
        "jebać jebany jebana "
        "zajebisty dupek cipa",
        3: "ciapaty ciapaci",
    },
    "ru": {
        1: "говно говна дерьмо дерьма жопа жопе",
        2: "блядь бляди блять сука суки хуй хуя хуйня пизда пизды пиздец ебать ебаный ебаная заебал мудак "
        "мудаки долбоёб "
        "долбоеб уебок",
        3: "пидор пидоры пидорас пидорасы жид жиды чурка чурки хач хачи",
    },
    "tr": {
        1: "lanet-olsun kahrolası",
        2: "siktir sikeyim orospu orospular amcık götveren piç piçler yarrak",
        3: "ibneler",
    },
}
