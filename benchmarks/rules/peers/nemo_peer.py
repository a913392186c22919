"""NeMo Guardrails with its regex rail on the output. Runs in a virtual environment of its own; no model is asked."""

import asyncio
import json
import logging
import os
from importlib.metadata import version

from timing import CHECKS, measure

os.environ["DO_NOT_TRACK"] = "1"
logging.disable(logging.CRITICAL)
CONFIG = """
models: []
rails:
  config:
    regex_detection:
      output:
        patterns: {patterns}
  output:
    flows:
      - regex check output
"""


def main() -> None:
    """Run the output rails alone over a finished answer, as its documentation does for rails without generation."""
    from nemoguardrails import LLMRails, RailsConfig

    config = RailsConfig.from_content(yaml_content=CONFIG.format(patterns=json.dumps(CHECKS["forbidden"])))
    rails = LLMRails(config)
    loop = asyncio.new_event_loop()

    def check(text: str) -> bool:
        messages = [{"role": "user", "content": "Where is my order?"}, {"role": "assistant", "content": text}]
        options = {"rails": ["output"], "log": {"activated_rails": True}}
        answer = loop.run_until_complete(rails.generate_async(messages=messages, options=options))
        return bool(answer.response[-1]["content"] == text)

    told = {
        "nemoguardrails": version("nemoguardrails"),
        "rail": "regex check output",
        "colang": "1.0",
        "tracing": False,
    }
    measure(check, told)


main()
