"""A client changes `base_url`, nothing else. Start the server first: `steady serve`."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ.get("STEADY_URL", "http://127.0.0.1:8790/v1"), api_key="none")
answer = client.chat.completions.create(
    model="classify-ticket",
    messages=[{"role": "user", "content": "The app closes as soon as I open the settings page."}],
)
print(answer.choices[0].message.content)
print(answer.model_extra["steady"]["agreement"] if answer.model_extra else "")
