# The one set of commands, for readers and for CI. Everything runs in .venv, which tools/setup.sh makes.
.NOTPARALLEL:
.PHONY: help serve book test outputs exercises grade binder colab newest benchmark links constraints clean setup-book setup-tests

PORT ?= 8000
PY := .venv/bin/python
# What the whole look of the book depends on: after a change here, Sphinx's own memory of the pages is wrong.
DRESS := Makefile constraints.txt _config.yml _toc.yml \
	$(filter-out %/__pycache__ %.pyc,$(wildcard book/* book/*/* book/*/*/*))

# The same results on every machine: no settings of the user's Python, pytest, Matplotlib or IPython; one thread.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONOPTIMIZE PYTHONWARNINGS PYTHONINSPECT
unexport PYTEST_ADDOPTS PYTEST_PLUGINS PYTEST_DISABLE_PLUGIN_AUTOLOAD MPLBACKEND
export LC_ALL := C
export PYTHONUTF8 := 1
export OMP_NUM_THREADS := 1
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
export IPYTHONDIR := $(CURDIR)/.venv/ipython

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z ]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' Makefile

serve: book ## build the book and show it at http://127.0.0.1:8000/ (another port: PORT=8001)
	@$(PY) -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null || \
		{ echo "Port $(PORT) is taken or no port number. Try: make serve PORT=8001" >&2; exit 1; }
	@echo "Read it at http://127.0.0.1:$(PORT)/ (Ctrl-C stops)"
	@$(PY) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

book: setup-book _build/sound ## build the book; it begins at _build/html/index.html
	@rm -f _build/sound
	@echo "Building the book."
	@.venv/bin/jupyter-book build . -W -n --keep-going -q >/dev/null
	@touch _build/sound
	@echo "The book is ready: _build/html/index.html"

# Missing after a failed build: Sphinx would not repeat the warnings of pages that it has read.
_build/sound: $(DRESS)
	@rm -rf _build/html _build/.doctrees

test: setup-tests ## run every check (some: ARGS="lessons/03-stride.ipynb" or ARGS="-k stride")
	@$(PY) -m tools.lint
	@$(PY) -m tools.browser
	@$(PY) -m tools.grading.sandbox
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

outputs: setup-book ## run the notebooks again and store their outputs
	@$(PY) tools/outputs.py $(ARGS)
	@$(PY) tools/home.py
	@$(PY) tools/original_lab.py

exercises: setup-tests ## make the exercises from the solutions
	@$(PY) -m tools.exercises

grade: setup-tests ## grade a folder of notebooks, one folder a student: SUBMISSIONS=folder (those of some lessons: LESSONS="1 3")
	@$(PY) -m tools.grading.sandbox
	@JOBS="$(JOBS)" LESSONS="$(LESSONS)" UNSAFE="$(UNSAFE)" $(PY) -m tools.grading "$(SUBMISSIONS)"

binder colab newest: setup-book ## run every notebook with what Binder has, what Colab has, the newest releases
	@$(PY) -m tools.elsewhere $@

benchmark: setup-tests book ## measure the book against the defaults of Jupyter Book, the explorers, and the grader
	@$(PY) -m tools.benchmark
	@$(PY) -m tools.benchmark_explorers
	@$(PY) -m tools.benchmark_grading

links: setup-book ## try the links to other sites
	@.venv/bin/jupyter-book build . --builder linkcheck --path-output _build/links -q

constraints: ## fix the versions that the lists of packages pull in (newer ones: ARGS=--upgrade)
	@test -x .venv/bin/uv || sh tools/setup.sh tests
	@sed '/^-c/d' requirements.txt tests/requirements.txt | .venv/bin/uv pip compile - -o constraints.txt --quiet \
		--universal --python-version 3.11 --no-build --no-annotate --custom-compile-command "make constraints" $(ARGS)

clean: ## remove what was built; .venv stays
	@rm -rf _build .pytest_cache

setup-book setup-tests:
	@sh tools/setup.sh $(@:setup-%=%)
