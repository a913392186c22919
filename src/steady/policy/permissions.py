"""What a rule asks of outside, and whether steady.yaml allows it: what it does not is refused when the policy loads."""

from collections.abc import Callable, Iterator

from steady.errors import ConfigError
from steady.policy.config import Config
from steady.rules.judge import Judge
from steady.rules.rule import Rule
from steady.rules.webhook import Webhook, under


def refused(rule: Rule, config: Config, target: Callable[[str], object]) -> Iterator[tuple[str, str]]:
    """
    Yield what is not allowed: the rule's field, and a sentence.

    Args:
        rule: Any rule, one within another too.
        config: What the operator says.
        target: Finds the model of a name. Raises ConfigError for one that is not known.
    """
    if isinstance(rule, Webhook) and not any(under(rule.url, hook.url) for hook in config.outside.hooks):
        listed = ", ".join(hook.url for hook in config.outside.hooks)
        known = f"It allows what is below {listed}." if listed else "It allows none."
        yield "url", f"steady.yaml does not allow this address under `outside: {{webhooks: [...]}}`. {known}"
    if isinstance(rule, Judge):
        try:
            target(rule.model)
        except ConfigError as error:
            yield "model", str(error)
