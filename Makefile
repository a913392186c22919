# Two commands do all the set-up on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: demo test serve check slow bench bench-demo bench-rules bench-ifeval bench-ifeval-equal bench-streaming bench-pii fuzz docs image-test clean help

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Steady needs Python 3.11 or later; name one: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## the tour: a real model behind candidates, rules, consensus, disclosure and replay
	@$(BIN)/steady demo

serve: $(STAMP) ## serve on 127.0.0.1:8790 with the embedded model
	@$(BIN)/steady serve

test: $(STAMP) ## the fast tests
	@$(BIN)/python -m pytest -n $(JOBS) -m "not slow" $(ARGS)

check: $(STAMP) ## format, lint, types
	@$(BIN)/ruff format --check src tests benchmarks examples dashboards
	@$(BIN)/ruff check src tests benchmarks examples dashboards
	@$(BIN)/mypy

slow: $(STAMP) ## the tests that need the model, another server, or minutes
	@$(BIN)/steady model pull smollm2-135m
	@$(BIN)/python -m pytest -m slow $(ARGS)

bench: $(STAMP) ## overhead beside the upstream itself and a peer
	@$(BIN)/python benchmarks/overhead/run.py

bench-demo: $(STAMP) ## extraction and classification, one call against Steady
	@$(BIN)/steady model pull smollm2-135m
	@$(BIN)/python benchmarks/demo/run.py

bench-rules: $(STAMP) ## what rules cost, beside Guardrails AI, LLM Guard and NeMo Guardrails
	@$(BIN)/python benchmarks/rules/run.py

bench-ifeval: $(STAMP) ## following instructions: the small model alone, and behind Steady (60 prompts; ARGS="--prompts all")
	@$(BIN)/steady model pull smollm2-135m
	@$(BIN)/python benchmarks/ifeval/run.py $(ARGS)

bench-streaming: $(STAMP) ## live streams beside unstreamed: 100,000 random texts, cut up at random
	@$(BIN)/python benchmarks/streaming/run.py

bench-pii: $(STAMP) ## personal data found, beside presidio
	@$(BIN)/python benchmarks/pii/run.py

bench-ifeval-equal: $(STAMP) ## IFEval's instructions as rules, beside the independent checker
	@$(BIN)/python -m benchmarks.ifeval.equal

fuzz: $(STAMP) ## a minute of fuzzing for each of the parts that read what strangers write
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "atheris>=2.3"
	@for t in json_repair normal_view scanners schema_safety; do $(BIN)/python tests/fuzz/run.py $$t --seconds 60 || exit 1; done

docs: $(STAMP) ## write the generated pages again
	@$(BIN)/python docs/generate.py

image-test: $(STAMP) ## the Dockerfile's own steps, in a clean directory
	@$(BIN)/python tests/packaging/image_steps.py

clean: ## take away the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
