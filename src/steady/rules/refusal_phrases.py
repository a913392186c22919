"""
How models decline, by language: patterns over text in small letters with plain apostrophes and single blanks.

Written for Steady from the refusals that assistants are known to give. Each pattern wants the declining and what is
declined ("can't help with"), so that "I can't recommend it enough" and "I can't help but smile" are none.
"""

from collections.abc import Mapping

_CANNOT = (
    r"(?:can ?not|can't|could not|couldn't|won't|will not|am unable to|'m unable to|am not able to|'m not able to"
    r"|am not allowed to|'m not allowed to|am not permitted to|'m not permitted to|am not going to|'m not going to"
    r"|am not comfortable|'m not comfortable|must decline to|have to decline to|decline to|refuse to|do not"
    r" feel comfortable"
    r"|don't feel comfortable)"
)
_ADVERB = (
    r"(?: (?:really|in good conscience|ethically|legally|currently|directly|personally|actually|provide you with))?"
)
_HELP = (
    r"(?:help (?:you )?(?:with|to|out|create|write|make|do|find|in that|you\b(?! but))|help(?=[.,;!]|"
    r" you[.,;!])|helping|assist"
    r"|comply|fulfil|accommodate|provid|answer(?:ing)? (?:that|this|your|such|the question)|do (?:that|this)\b"
    r"|(?:generat|creat|writ|produc|shar|support|discuss|engag)(?:e|ing)? ?(?:in|with)? ?"
    r"(?:that|this|such|any|content|material|instructions|information|harmful|explicit|hateful|illegal|with"
    r"|in|the requested)"
    r"|participate in|be part of|offer (?:advice|guidance|instructions|assistance|medical|legal)|continue"
    r" (?:with )?(?:this|that)"
    r"|give (?:you )?(?:instructions|advice|that|medical|legal|specific)|respond to (?:that|this)|process"
    r" (?:that|this)"
    r"|complete (?:that|this)|go into|proceed with|take part)"
)

PHRASES: Mapping[str, tuple[str, ...]] = {
    "en": (
        rf"\bi {_CANNOT}{_ADVERB} {_HELP}",
        rf"\bi'm {_CANNOT.replace('am ', '').replace(chr(39) + 'm ', '')}{_ADVERB} {_HELP}",
        r"\bas an? (?:ai|artificial intelligence|large language model|language model)\b.{0,60}"
        r"\bi (?:can ?not|can't|don't|do not|am unable|am not able|am not capable|'m unable|'m not able|won't"
        r"|must)\b",
        r"\bi (?:must|have to|need to|will have to) (?:respectfully |politely )?(?:decline|refuse)\b",
        r"\bi(?:'m| am) (?:sorry|afraid)[,.]? (?:but )?(?:i|that|this|we) ?(?:can ?not|can't|won't|will not"
        r"|'m unable|am unable"
        r"|'m not able|am not able|'s not something|is not something)(?! (?:attend|make it|find|see|remember"
        r"|recall|hear|wait|be there"
        r"|come|open|locate|stop|tell from))",
        r"\b(?:that|this|it)(?:'s| is) (?:not something (?:that )?i(?: can|'m able to|'m willing to)"
        r"|something (?:that )?i(?: can't| cannot| won't|'m not able to|'m unable to|'m not willing to))"
        r" (?:help|assist|do|provide|discuss)",
        r"\b(?:it would(?:n't| not) be|it(?:'s| is) not) (?:appropriate|ethical|responsible|safe|right) for me to\b",
        r"\b(?:violates?|goes against|against|conflicts? with|outside) my "
        r"(?:guidelines|programming|policy|policies|principles|content policy)\b",
        r"\bmy (?:guidelines|programming|safety guidelines|policies) (?:prohibit|prevent|do not allow|don't"
        r" allow|forbid)",
        r"\b(?:your|this|that) request (?:can ?not|can't) be (?:fulfilled|completed|processed)\b",
        r"\bi(?:'d| would) (?:rather|prefer) not (?:to )?(?:answer|discuss|provide|help|write|share|engage|say)\b",
    ),
    "de": (
        r"\b(?:ich kann|kann ich|ich darf|darf ich|ich werde|werde ich)\b.{0,60}\b(?:nicht|keine?n?)\b.{0,60}"
        r"\b(?:helfen|weiterhelfen|unterstützen|beantworten|bereitstellen|erfüllen|nachkommen|erstellen"
        r"|behilflich|geben|schreiben)\b",
        r"\bals (?:eine? )?(?:ki|künstliche intelligenz|sprachmodell)\b.{0,60}\b(?:kann|darf|bin)"
        r" ich\b.{0,40}\b(?:nicht|keine?n?)\b",
        r"\b(?:muss ich|ich muss)\b.{0,30}\bablehnen\b",
        r"\bich bin nicht in der lage,",
    ),
    "fr": (
        r"\bje (?:ne peux|ne puis|ne suis|ne vais) (?:malheureusement )?pas"
        r" (?:en mesure de |autorisée? à )?(?:vous |t')?(?:aider|assister|répondre|fournir|accomplir|donner"
        r"|rédiger|créer"
        r"|participer|faire cela|satisfaire|traiter|générer)",
        r"\ben tant qu'(?:ia|intelligence artificielle|assistant|modèle de langage)\b.{0,60}\bje ne (?:peux"
        r"|suis|puis)\b",
        r"\bje (?:dois|me dois de|suis (?:obligé|contraint)e? de) (?:décliner|refuser)\b",
    ),
    "es": (
        r"\bno (?:puedo|podré|voy a|me es posible|estoy en condiciones de|estoy autorizad[oa] a) (?:poder"
        r" )?(?:ayudar|asistir"
        r"|responder a (?:eso|esa|esta)|proporcionar|cumplir|ofrecer|facilitar|generar|crear|escribir (?:eso"
        r"|ese|este|contenido)"
        r"|hacer eso|brindar|darte|darle|participar)",
        r"\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje|asistente)\b.{0,60}\bno (?:puedo"
        r"|tengo|me)\b",
        r"\b(?:debo|tengo que) (?:rechazar|declinar|negarme)\b",
    ),
    "it": (
        r"\bnon (?:posso|sono in grado di|mi è possibile|sono autorizzat[oa] a) (?:aiutar|assister|fornir"
        r"|risponder|soddisfar|crear"
        r"|generar|scriver|dar[tv]|offrir|partecipar|farlo)",
        r"\b(?:come|in quanto) (?:un'?)?\s?(?:ia|intelligenza artificiale|modello linguistico"
        r"|assistente)\b.{0,60}\bnon (?:posso|sono|ho)\b",
        r"\b(?:devo|sono costrett[oa] a) (?:rifiutare|declinare)\b",
    ),
    "pt": (
        r"\bnão (?:posso|poderei|consigo|me é possível|estou autorizad[oa] a) (?:te |lhe )?(?:ajudar|ajudá"
        r"|auxiliar|fornecer"
        r"|responder a (?:isso|essa|esta)|atender|cumprir|criar|gerar|escrever (?:isso|esse|este|conteúdo)"
        r"|oferecer|fazer isso|dar|participar)",
        r"\bcomo (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem|assistente)\b.{0,60}\bnão"
        r" (?:posso|tenho|consigo)\b",
        r"\b(?:devo|tenho (?:de|que)) (?:recusar|declinar)\b",
    ),
    "nl": (
        r"\b(?:ik kan|kan ik|ik mag|mag ik)\b.{0,60}\b(?:niet|geen)\b.{0,60}\b(?:helpen|beantwoorden"
        r"|verstrekken|geven|voldoen|maken"
        r"|schrijven|assisteren|bieden)\b",
        r"\bals (?:een )?(?:ai|taalmodel|kunstmatige intelligentie)\b.{0,60}\b(?:kan|mag|ben)"
        r" ik\b.{0,40}\b(?:niet|geen)\b",
        r"\b(?:moet ik|ik moet)\b.{0,30}\b(?:weigeren|afwijzen)\b",
    ),
    "pl": (
        r"\bnie (?:mogę|jestem w stanie)\b.{0,20}\b(?:pomóc|udzielić|odpowiedzieć|spełnić|dostarczyć|napisać"
        r"|stworzyć|podać)",
        r"\bmuszę odmówić\b",
    ),
    "ru": (
        r"\bя не могу (?:вам |тебе )?(?:с этим )?(?:помочь|ответить|предоставить|выполнить|создать|написать"
        r"|дать|помогать|обсуждать)",
        r"\bне могу (?:вам |тебе )?(?:с этим )?(?:помочь|предоставить|выполнить)",
        r"\bкак (?:ии|искусственный интеллект|языковая модель)\b.{0,60}\bне (?:могу|имею)\b",
        r"\bвынужден[а]? отказать",
    ),
    "zh": (
        r"(?:抱歉|对不起|對不起|很遗憾|很遺憾).{0,12}(?:不能|无法|無法|没办法|不可以).{0,12}(?:帮|幫|提供|回答|满足|滿足|协助|協助|完成|生成|讨论|討論|执行)",
        r"我(?:不能|无法|無法)(?:为您|为你|為您|向您|向你)?(?:帮助|幫助|提供|回答这|满足|协助|協助|生成|参与|讨论)",
        r"作为(?:一个|一名)?(?:人工智能|ai|语言模型).{0,20}(?:不能|无法)",
    ),
    "ja": (
        r"(?:申し訳|すみません|恐れ入り).{0,30}(?:できません|できかねます|お答えできません|お手伝いできません|致しかねます|いたしかねます)",
        r"(?:ご要望|ご質問|リクエスト|その|そのような|お手伝い|お応え|お答え|ご提供|提供|対応).{0,24}"
        r"(?:することはできません|はできません|できかねます|お答えできません|いたしかねます)",
    ),
    "ko": (
        r"(?:죄송|유감).{0,40}(?:수 없|드릴 수 없|어렵습니다|불가능)",
        r"(?:도와드릴|도움을 드릴|제공해 드릴|제공할|답변(?:해 )?드릴|답변할) 수 없",
    ),
}
