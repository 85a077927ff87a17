# Everything from a fresh checkout: Python >= 3.10, git and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := config=projects/pythia/configs/easy_vqa/defaults.yaml model=pythia dataset=easy_vqa
SAVE := save/easy_vqa_pythia
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-slow test-gpu test-only lint docs bench clean

demo: $(VENV)/.demo
	$(BIN)/mmf_run $(DEMO) run_type=train_val_test env.save_dir=$(SAVE)
	$(BIN)/mmf_predict $(DEMO) run_type=test env.save_dir=$(SAVE) checkpoint.resume_file=$(SAVE)/best.ckpt
	@echo
	@echo "Everything is in $(SAVE): results.json, reports/ (an answer to every question), best.ckpt and the other checkpoints."

test: $(VENV)/.dev lint test-only

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-only: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

test-gpu: $(VENV)/.dev
	$(BIN)/python -m pytest -m gpu

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W -b html website website/_build/html

bench: $(VENV)/.dev
	$(BIN)/python -m tools.bench

clean:
	rm -rf $(VENV) build dist *.egg-info website/_build .pytest_cache .ruff_cache .mypy_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml setup.py
	@echo "Installing into $(VENV): about 2 minutes"
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml setup.py
	@echo "Installing into $(VENV): about 2 minutes"
	$(BIN)/python -m pip install --quiet --editable '.[dev,demo]'
	touch $@ $(VENV)/.demo
