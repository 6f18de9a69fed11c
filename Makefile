# Everything from a fresh machine: `make demo`, `make test`. The first run makes .venv (some minutes, about 6 GB,
# mostly PyTorch); later runs only check that pyproject.toml and constraints.txt haven't changed since.

PYTHON ?= python3
JOBS   ?= 2
SEED   ?=
COUNT  ?= 20000
OUT    ?= out/demo

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
PIP   := $(BIN)/python -m pip --disable-pip-version-check
# One thread a process: the tests run $(JOBS) processes side by side. Those of the Slicer module run apart, because
# VTK, Qt and PyTorch don't get on in one process, and need a few system libraries, which .ci/run names and installs.
CHECK := OMP_NUM_THREADS=1 $(BIN)/python -m

.PHONY: demo test lint types unit docs format lists bench attack screenshots venv clean distclean help
.DEFAULT_GOAL := help

help:
	@echo 'make demo     phantom CT -> levels, masks, class, report in $(OUT), beside the truth  [SEED=n]'
	@echo 'make test     format, lint, types, unit tests, wheel, CMake lists                     [JOBS=n]'
	@echo 'make docs     the documentation -> out/site'
	@echo 'make bench    speed, stage by stage and click by click, cold and warm -> out/bench'
	@echo 'make attack   damaged and hostile inputs, read one by one -> out/attack        [COUNT=n SEED=n]'
	@echo 'make screenshots  render the pictures of the README and docs anew'
	@echo 'make format   put every file into shape'
	@echo 'make lists    write what follows from the code: CMake lists, tables of docs/, texts for translators'
	@echo 'make clean    remove what the commands above wrote (distclean: .venv too)'

demo: $(READY)
	$(BIN)/osteojoint demo --out $(OUT) $(if $(SEED),--seed $(SEED))

test: lint types unit

lint: $(READY)
	$(CHECK) ruff format --check .
	$(CHECK) ruff check .

types: $(READY)
	$(CHECK) mypy

unit: $(READY)
	$(CHECK) pytest -n $(JOBS)
	$(CHECK) pytest -n $(JOBS) Testing/Bridge

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

format: $(READY)
	$(CHECK) ruff check --fix .
	$(CHECK) ruff format .

lists: $(READY)
	$(PYTHON) .ci/translations.py
	$(PYTHON) .ci/list_files.py
	$(BIN)/python .ci/doc_tables.py

bench: $(READY)
	$(BIN)/python Testing/bench.py --out out/bench
	$(BIN)/python Testing/slicer_bench.py --out out/bench

attack: $(READY)
	$(CHECK) Testing.attack.inputs --out out/attack --count $(COUNT) --seed $(or $(SEED),0)

screenshots: $(READY)
	$(BIN)/python Testing/screenshots.py
	$(BIN)/python Testing/thumbnail.py
	$(BIN)/python Testing/slicer_screenshots.py

venv: $(READY)

# Ultralytics goes in without its own dependencies: it would bring opencv-python, which needs libGL and overwrites
# opencv-python-headless. What OsteoJoint uses of it needs PyYAML and torchvision (in the extra `test`) besides.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Expected Python 3.11 or newer, came " + sys.version.split()[0] + ": run make PYTHON=/path/to/python3.11 instead.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'Installing into $(VENV): some minutes and about 6 GB the first time.'
	@echo 'This includes Ultralytics (YOLOv3), which is licensed under AGPL-3.0 and is not part of OsteoJoint.'
	@$(PIP) install --quiet --constraint constraints.txt --upgrade pip
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[train,test,docs,pdf,ray]' PyYAML
	@$(PIP) install --quiet --constraint constraints.txt --no-deps ultralytics
	@touch $@

clean:
	rm -rf out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find OsteoJoint OsteoJointLib Testing training -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
