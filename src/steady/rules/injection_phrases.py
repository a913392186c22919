"""
What text in a tool's result says when it wants to steer the model: patterns with a weight in hundredths.

They look at small letters with single blanks. 100 suffices alone under the default threshold; what also stands in
innocent text has less. Written for Steady from the kinds that OWASP's LLM01 and the literature on indirect prompt
injection describe (Greshake et al. 2023, arXiv:2302.12173).
"""

_OLD = r"(?:previous|prior|above|preceding|earlier|former|existing|initial|original|system|your|all)"
_RULES = r"(?:instructions?|prompts?|directions?|directives?|guidelines?|rules|commands?|context|messages?|training)"
_READER = r"(?:ai|assistant|llm|language model|chatbot|model|agent|gpt|claude|copilot|bot)"

PHRASES: tuple[tuple[str, int, str], ...] = (
    ("override", 100, rf"\b(?:ignore|disregard|forget|override|bypass|do not follow|don't follow|stop"
     rf" following)\b(?: \w+){{0,3}}? "
     rf"(?:{_OLD} ){{1,3}}{_RULES}\b"),
    ("override", 100, r"\b(?:ignore|disregard|forget) (?:everything|anything|all) (?:above|before|you|that"
     r" was|i said|that came)\b"),
    ("override", 100, r"\b(?:ignore|disregard|forget) (?:all (?:of )?)?the (?:above|foregoing)(?: text| message)?"
     r"(?: and|,) (?:instead|say|print|output|write|reply|respond|answer|tell|do|return)\b"),
    ("override", 100, r"\b(?:ignoriere|vergiss|missachte)\b.{0,30}\b(?:vorherigen?|bisherigen?|obigen?"
     r"|alle)\b.{0,20}\b(?:anweisungen|instruktionen|befehle)"),
    ("override", 100, r"\b(?:ignore[zr]?|oublie[zr]?)\b.{0,20}\b(?:toutes les|les) (?:instructions|consignes)\b"),
    ("override", 100, r"\b(?:ignora|olvida|ignore)\b.{0,20}\b(?:todas las|las|tus|le|as|todas as)"
     r" (?:instrucciones|istruzioni|instruções)\b"),
    ("override", 100, r"(?:忽略|无视|忘记).{0,10}(?:指令|指示|提示|说明)"),
    ("override", 100, r"(?:игнорируй|забудь)(?:те)?.{0,20}(?:инструкции|указания)"),
    ("new_task", 100, r"\bnew system (?:prompt|instructions?)\s?:"),
    ("new_task", 60, r"\b(?:new|updated|real|actual|revised) (?:system )?(?:instructions?|task|objective"
     r"|prompt)\s?:"),
    ("new_task", 60, r"\byour (?:new|real|actual|only) (?:task|goal|objective|instructions?|job|role|purpose)"
     r" (?:is|are)\b"),
    ("role", 60, r"\byou are (?:now|no longer|henceforth)\b(?! (?:able|logged|ready|subscribed|connected"
     r"|registered|signed|in|on|leaving|eligible))"),
    ("role", 50, r"\b(?:pretend (?:to be|you are)|act as (?:if|though|an?|my)|roleplay as|from now on,? you)\b"),
    ("role", 100, r"\b(?:enter|enable|activate|switch to) (?:developer|dan|god|jailbreak|debug|unrestricted) mode\b"),
    ("reader", 60, rf"\b(?:attention|note to|important|message (?:to|for)|instructions? (?:to|for)|dear|hey"
     rf"|hello)[:,]? (?:the |any |all )?{_READER}s?\b"),
    ("reader", 60, rf"\bif you are an? (?:large )?(?:ai|{_READER})\b"),
    ("reader", 50, rf"\b(?:the |any )?(?:ai|{_READER}) (?:must|should|has to|is (?:required|instructed"
     rf"|ordered) to)\b"),
    ("hide", 60, r"\b(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|mentioning"
     r"|reveal|revealing|show|alert|alerting|notify|notifying)\b"
     r"(?: \w+){0,3}? (?:the |this to )?(?:user|human|operator|anyone)\b"),
    ("prompt", 100, r"\b(?:reveal|print|repeat|output|leak|dump) your (?:full |entire |whole )?"
     r"(?:system|initial|hidden) (?:prompt|instructions)\b"),
    ("prompt", 60, r"\b(?:reveal|print|repeat|output|show|leak|display|send|dump)\b(?: \w+){0,3}? (?:your "
     r"|the )?(?:system |initial |hidden |secret )"
     r"(?:prompt|instructions|message|rules)\b"),
    ("exfiltrate", 60, r"\b(?:send|forward|post|upload|exfiltrate|transmit|email|leak)\b(?: \S+){0,6}? (?:api"
     r" keys?|passwords?|credentials|secrets?|tokens?"
     r"|conversation|chat history|user data|personal data|private)\b"),
    ("exfiltrate", 60, r"!\[[^\]]{0,60}\]\(https?://[^)\s]{1,120}[?&][a-z_]{1,20}=(?:\{|\[|<|%7b|\$)"),
    ("call", 50, r"\b(?:call|invoke|use|run|execute|trigger)(?: the)? [`'\"]?\w{2,40}[`'\"]? (?:tool|function"
     r"|command|api)\b(?: \w+){0,4} (?:to|with|and|now|immediately)\b"),
    ("markers", 100, r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id)\|>"
     r"|\[/?inst\]|<</?sys>>"),
    ("markers", 60, r"(?:^|\n)\s{0,4}(?:#{1,4} ?)?(?:system|assistant|developer)(?: (?:message|prompt"
     r"|override|note))?\s?:\s"),
    ("markers", 60, r"</?(?:system|assistant|tool_result|function_results|instructions|system_prompt"
     r"|system-reminder)>"),
    ("priority", 40, r"\b(?:this (?:message|instruction|command) (?:overrides|supersedes|takes (?:precedence"
     r"|priority))|highest priority|system override|admin override)"),
)  # fmt: skip
