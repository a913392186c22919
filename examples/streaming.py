"""A stream that is redacted as it goes: what may still become an address or a key is held back."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ.get("STEADY_URL", "http://127.0.0.1:8790/v1"), api_key="none")
stream = client.chat.completions.create(
    model="redact-stream",
    messages=[{"role": "user", "content": "Write a one-line contact note for Ann, whose e-mail is ann@example.com."}],
    max_tokens=60,
    stream=True,
)
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
