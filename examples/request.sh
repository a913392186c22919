#!/bin/sh
# The endpoint with curl: the answer, and what Steady says of it.
curl -s "${STEADY_URL:-http://127.0.0.1:8790/v1}/chat/completions" \
    -H 'content-type: application/json' \
    -d '{"model": "extract-invoice", "messages": [{"role": "user", "content":
         "Invoice INV-7 from Blue Harbor, dated 2026-02-01. Total due: USD 90.50."}]}'
