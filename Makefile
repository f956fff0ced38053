# make demo        train GLoT on the embedded data set, test it, draw what it learned
# make test        lint and the test suite, with a worker for each core
# make test-fast   what neither trains, nor starts a process, nor takes seconds by itself
# make test-slow   the tests that take minutes each
# make docs        the documentation as a site, site/index.html
# All share .venv, made once from pinned versions and made again only when those change.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs
NODE_READY := $(VENV)/node/.ready
CONSTRAINTS := requirements/constraints.txt
# A worker for each core, up to eight: every one of them imports torch and takes a gigabyte or two.
PYTEST := $(BIN)/python -m pytest tests --numprocesses logical --maxprocesses 8 --dist loadfile

.PHONY: demo test test-fast test-slow lint format parts zoo docs clean

demo: $(READY)
	$(BIN)/python tools/demo.py --out work_dirs/demo

test: lint $(NODE_READY)
	$(PYTEST)

test-fast: $(READY)
	$(PYTEST) -m 'not slow and not heavy and not training and not process'

test-slow: $(READY)
	$(PYTEST) -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

parts: $(READY)
	$(BIN)/python tools/list_parts.py --out docs/parts.md

zoo: $(READY)
	$(BIN)/python tools/list_models.py --page docs/model_zoo.md --metafile configs/glot/metafile.yml

# mkdocs-material announces in every build that a successor is being written.
docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(DOCS_READY): $(READY)
	$(BIN)/pip install --progress-bar off -c $(CONSTRAINTS) --no-build-isolation -e '.[docs]'
	@touch $@

# The Khronos validator of glTF, where there is npm; without it the test that runs it is skipped.
$(NODE_READY): tests/export/package.json tests/export/package-lock.json | $(READY)
	@mkdir -p $(@D) && cp $^ $(@D)
	@if ! command -v npm >/dev/null; then echo 'make: no npm: the test with gltf-validator will be skipped'; \
	elif npm ci --no-audit --no-fund --prefix $(@D); then touch $@; \
	else echo 'make: gltf-validator was not installed: its test will be skipped'; fi

# mmcv 1.6 is built here, from source, with the environment's own setuptools; mmhuman3d's list of
# dependencies no longer installs, so it comes without (setup.py names what it needs); of mediapipe only two
# files are used, BlazePose's weights.
# mmengine asks for opencv-python, which needs a display's libraries; the headless build of the same
# version goes over it.
$(READY): setup.py $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' || \
	  { echo 'make: needs Python 3.10 to 3.12 with venv (Debian: apt-get install python3 python3-venv), or PYTHON=/path/to/python'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --progress-bar off -c $(CONSTRAINTS) setuptools wheel
	$(BIN)/pip install --progress-bar off -c $(CONSTRAINTS) --no-build-isolation -e '.[framework,vis,video,export,dev]'
	$(BIN)/pip install --progress-bar off -c $(CONSTRAINTS) --no-deps mmhuman3d mediapipe
	$(BIN)/pip install --progress-bar off -c $(CONSTRAINTS) --no-deps --force-reinstall opencv-python-headless
	@touch $@

clean:
	rm -rf $(VENV) work_dirs site
