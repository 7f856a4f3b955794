"""The notebooks have no faults, and each rule of tools/lint.py turns red on a planted fault."""

import json

import nbformat
import pytest

from tools.lint import everything, faults, toc_faults
from tools.outputs import DRAWING, METADATA, ROOT, notebooks

SVG = {"output_type": "display_data", "data": {"image/svg+xml": "<svg></svg>", "text/plain": "<Figure>"}, "metadata": {}}
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "too small\nby 1", "traceback": ["ValueError: too small"]}
TEXT = "# Why?\n\n$a<b>c$ and `{ref}`, see <https://pytorch.org>.\n\n<details><summary>Why</summary>\n\nSo.\n\n</details>"


def printed(text, name="stdout"):
    return [{"output_type": "stream", "name": name, "text": text}]


def good():
    """A small notebook without a fault."""
    def code(number, name, source, outputs=(), **metadata):
        return {"cell_type": "code", "id": name, "metadata": metadata, "source": source, "outputs": list(outputs), "execution_count": number}

    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": TEXT},
        code(1, "imports", "import os.path\nimport matplotlib.pyplot as plt, torch"),
        code(2, "drawing", DRAWING, tags=["hide-input"], jupyter={"source_hidden": True}),
        code(3, "figure", "plt.show()  # ;", [SVG], mystnb={"image": {"alt": "A grid of 4 numbers."}}),
        code(4, "error", "raise ValueError", [ERROR], tags=["raises-exception"]),
        code(5, "output", "print('a; b')", printed("tensor(5.)\n/ 2 at 3\n")),
    ]
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def lines(folder, notebook, name="lessons/01-test.ipynb"):
    """The faults of a notebook, given as an object or as the text of a file."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    return faults(path, folder)


def test_there_are_notebooks():
    assert notebooks(), "no notebook found"


@pytest.mark.parametrize("path", notebooks() + sorted(ROOT.glob("exercises/*.ipynb")), ids=lambda path: path.name)
def test_a_notebook_has_no_fault(path):
    if found := faults(path):
        pytest.fail("\n".join(found), pytrace=False)


def test_the_table_of_contents_has_no_fault():
    if found := toc_faults():
        pytest.fail("\n".join(found), pytrace=False)


def test_the_good_notebook_has_no_fault(tmp_path):
    assert lines(tmp_path, good()) == []


# the cell by id, what to change in it, and the line to expect after "lessons/01-test.ipynb, cell 6 (output): "
CELL_FAULTS = [
    ("output", {"execution_count": None}, "has no execution count, so its output is not verified: run 'make outputs'"),
    ("output", {"execution_count": 7}, "has execution count 7 where 5 belongs: run 'make outputs'"),
    ("output", {"id": "0b45ac93"}, "give the cell a readable id"),
    ("output", {"id": "Stride_output"}, "give the cell a readable id"),
    ("output", {"metadata": {"tags": ["nbval-skip"]}}, "has the tag nbval-skip: remove it"),
    ("title", {"metadata": {"tags": ["remove-cell"]}}, "has the tag remove-cell: remove it"),
    ("output", {"metadata": {"tags": ["hide-output"]}}, "is folded in one place only: the tag hide-output"),
    ("output", {"metadata": {"jupyter": {"source_hidden": True}}}, "is folded in one place only: the tag hide-input"),
    ("output", {"metadata": {"tags": ["hide-cell"], "jupyter": {"source_hidden": True}}}, "is folded in one place only: the tag hide-output"),
    ("output", {"metadata": {"tags": ["raises-exception"]}}, "is tagged raises-exception but raises nothing"),
    ("error", {"metadata": {}}, "raises ValueError without the tag raises-exception"),
    ("error", {"outputs": [{**ERROR, "traceback": ["ValueError: too small", "by 1"]}]}, "stores a traceback that is not the one line"),
    ("error", {"outputs": [{**ERROR, "traceback": ["ValueError: too large"]}]}, "stores a traceback that is not the one line"),
    *[("output", {"source": source}, line) for source, line in {
        "# NBVAL_IGNORE_OUTPUT\n1": "has the comment NBVAL_IGNORE_OUTPUT",
        "1  # PYTEST_VALIDATE_IGNORE_OUTPUT": "has the comment PYTEST_VALIDATE_IGNORE_OUTPUT",
        "#NBVAL_SKIP\n1": "has the comment NBVAL_SKIP",
        "x = 1\nx;": "ends with ';'",
        "x;  # quiet\n# please\n": "ends with ';'",
        "x = 1\n" * 13: "has 13 lines of code: write 1 to 12",
        "x = " + "1" * 76: "has a line of 80 characters: break it",
        " \n": "has 0 lines of code",
        "x = (": "is not Python",
        "import pandas as pd": "imports pandas",
        "def f():\n    from tools.outputs import run": "imports tools.outputs",
        "from . import x": "imports .",
        "!pip install torch": "runs a magic or a shell command",
        "%pip install torch": "runs a magic or a shell command",
        "x = !ls": "runs a magic or a shell command",
        "%%capture\nimport pandas": "runs a magic or a shell command",
    }.items()],
    ("drawing", {"source": DRAWING + "\n"}, "differs from tools/drawing_cell.py, its one home: run 'make outputs'"),
    ("drawing", {"source": "x = 1\n" * 41}, "has 41 lines of code: write 1 to 40"),
    *[("output", {"outputs": outputs}, line) for outputs, line in [
        (printed("UserWarning: even", "stderr"), "writes to stderr (UserWarning: even)"),
        (printed("in /home/ada/x.py"), "shows a path of one machine (/home/)"),
        (printed("C:\\Users\\ada"), "shows a path of one machine (C:\\)"),
        (printed("lib/site-packages/torch"), "shows a path of one machine (site-packages)"),
        (printed("<ipython-input-3>"), "shows a path of one machine (<ipython-input)"),
        ([{**SVG, "data": {"text/plain": "/tmp/ipykernel_4/5.py"}}], "shows a path of one machine (/tmp/)"),
        (printed("<object at 0x7fa3>"), "shows an address that changes with every run (at 0x7fa3)"),
        ([{**SVG, "data": {"application/vnd.jupyter.widget-view+json": "x"}}], "stores an output of type application/vnd"),
        ([SVG], "draws a picture without a written alternative"),
    ]],
    ("figure", {"metadata": {"mystnb": {"image": {"alt": " "}}}}, "draws a picture without a written alternative"),
    ("figure", {"metadata": {"mystnb": {"image": {"alt": "figure.png"}}}}, "draws a picture without a written alternative"),
    ("figure", {"outputs": []}, "has a written alternative but draws nothing"),
    *[("title", {"source": source}, line) for source, line in {
        "```{note}\nx\n```": "has MyST markup ({note})",
        "- a\n\n  :::{tip}\n  b\n  :::": "has MyST markup (:::{tip})",
        "See {ref}`stride`.": "has MyST markup ({ref})",
        "(stride)=\n# Stride": "has MyST markup ((stride)=)",
        "Text\n% a note": "has MyST markup (% a note)",
        "a <br> b": "has raw HTML (<br>)",
        "<div>\n\nx\n\n</div>": "has raw HTML (<div>)",
        "<details><summary>Why</summary>\n**So.**\n</details>": "has raw HTML (<details>",
        "![](x.png)": "shows a picture without a written alternative",
    }.items()],
]


@pytest.mark.parametrize(("name", "change", "line"), CELL_FAULTS)
def test_a_fault_in_a_cell_is_one_line_that_names_it(tmp_path, name, change, line):
    notebook = good()
    place = next(place for place, cell in enumerate(notebook["cells"]) if cell["id"] == name)
    notebook["cells"][place].update(change)
    start = f"lessons/01-test.ipynb, cell {place + 1} ({notebook['cells'][place]['id']}): {line}"
    found = lines(tmp_path, notebook)
    assert [one for one in found if one.startswith(start)], found
    assert not any("\n" in one for one in found)


def stripped(notebook):
    for cell in notebook["cells"][1:]:
        cell.update(outputs=[], execution_count=None)


NOTEBOOK_FAULTS = [
    (stripped, "its outputs are stripped, so nothing is verified: run 'make outputs'"),
    (lambda notebook: notebook.update(metadata={}), "notebook metadata is not the normal form: run 'make outputs'"),
    (lambda notebook: notebook["cells"][0].update(id="output"), "two cells have the id output: change one"),
    (lambda notebook: notebook["cells"][0].update(source="word " * 1201), "has 1201 words of text: at most 1200"),
    (lambda notebook: notebook["cells"].extend([notebook["cells"][0]] * 23), "has 29 cells: at most 28"),
    (lambda notebook: notebook.update(cells=[3]), "is not a notebook that can be read"),
    (lambda notebook: notebook["cells"][0].pop("id"), "is not a notebook that can be read ('id' is a required property)"),
    (lambda notebook: notebook["cells"][3]["metadata"].update(mystnb=[1]), "is not a notebook that can be read"),
]


@pytest.mark.parametrize(("plant", "line"), NOTEBOOK_FAULTS, ids=[line for _, line in NOTEBOOK_FAULTS])
def test_a_fault_of_the_whole_notebook_is_one_line(tmp_path, plant, line):
    plant(notebook := good())
    assert [one for one in lines(tmp_path, notebook) if one.startswith(f"lessons/01-test.ipynb: {line}")]


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", '{"cells": []}'])
def test_a_file_that_is_no_notebook_is_one_line(tmp_path, text):
    assert [line.split(" (")[0] for line in lines(tmp_path, text)] == ["lessons/01-test.ipynb: is not a notebook that can be read"]


def test_an_exercise_is_stored_without_outputs_and_only_a_lesson_has_a_length(tmp_path):
    stripped(notebook := good())
    notebook["cells"][0]["source"] = "word " * 1201
    notebook["cells"][4]["metadata"] = {}
    assert lines(tmp_path, notebook, "exercises/01-test.ipynb") == []


@pytest.mark.parametrize(("files", "toc", "line"), [
    ("01-a 03-c", "01-a 02-b", "_toc.yml: lists lessons/02-b, and there is no such file"),
    ("01-a 03-c", "01-a 02-b", "lessons/03-c.ipynb: is not in _toc.yml: list it there, or give the file its old name back"),
    ("01-a 02-b", "02-b 01-a", "lessons/02-b.ipynb: is lesson 1 in _toc.yml: rename it to 01-…"),
    ("01-a 03-c", "01-a 03-c", "lessons/03-c.ipynb: is lesson 2 in _toc.yml: rename it to 02-…"),
    ("01-a", None, "_toc.yml: cannot be read (No such file or directory)"),
])
def test_lessons_are_numbered_as_in_the_table_of_contents(tmp_path, files, toc, line):
    def write(names):
        if names is not None:
            entries = "".join(f"      - file: lessons/{name}\n" for name in names.split())
            (tmp_path / "_toc.yml").write_text(f"root: index\nparts:\n  - chapters:\n{entries}", encoding="utf-8")

    (tmp_path / "lessons").mkdir()
    (tmp_path / "index.md").touch()
    for name in files.split():
        nbformat.write(nbformat.from_dict(good()), tmp_path / "lessons" / f"{name}.ipynb")
    write(files)
    if "03" not in files:
        assert toc_faults(tmp_path) == [] == everything(tmp_path)
    (tmp_path / "_toc.yml").unlink()
    write(toc)
    assert [one for one in toc_faults(tmp_path) if one.startswith(line)]
