"""A policy around a function. It runs once for each candidate, so it only asks a model and has no other effect."""

import os
from typing import Literal

from openai import OpenAI

from steady import Abstained, steady

client = OpenAI(base_url=os.environ.get("MODEL_URL", "http://127.0.0.1:8790/v1"), api_key="none")


@steady("classify-ticket", candidates=4)
def topic(
    message: str, *, temperature: float = 1.0, seed: int = 0, extra_headers: dict[str, str] | None = None
) -> Literal["billing", "technical", "account", "shipping", "other"]:
    """Ask the model for one word; the annotation makes the answer one of five labels."""
    answer = client.chat.completions.create(
        model=os.environ.get("MODEL", "local/smollm2-135m"),
        messages=[
            {"role": "system", "content": "Answer with one word: billing, technical, account, shipping or other."},
            {"role": "user", "content": message},
        ],
        temperature=temperature,
        seed=seed,
        max_tokens=8,
        extra_headers=extra_headers,
    )
    return answer.choices[0].message.content or ""  # type: ignore[return-value]


if __name__ == "__main__":
    try:
        print(topic("I was charged twice this month."))
    except Abstained as error:
        print("no answer:", error)
    outcome = topic.detailed("Where is my parcel?")
    print(outcome.value, outcome.decision.agreement.share, outcome.decision.stopped)
