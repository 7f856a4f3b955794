"""The notebooks have no faults, and each rule of tools/lint.py turns red on a planted fault."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.lint import everything
from tools.outputs import METADATA, SHARED, notebooks

TEXT = "# Why?\n\n$a<b>c$ and `{ref}`, see <https://pytorch.org>.\n\n<details><summary>Why</summary>\n\nSo.\n\n</details>"
SVG = new_output("display_data", {"image/svg+xml": "<svg></svg>"})
ERROR = new_output("error", ename="ValueError", evalue="too small\nby 1", traceback=["ValueError: too small"])
HIDDEN = {"jupyter": {"source_hidden": True}}


def printed(text, name="stdout"):
    return [new_output("stream", text=text, name=name)]


def good():
    """A small notebook without a fault."""
    cells = [
        new_markdown_cell(TEXT, id="title"),
        new_code_cell("import os.path\nimport matplotlib.pyplot as plt, torch", id="imports"),
        new_code_cell(SHARED["drawing"], id="drawing", metadata={"tags": ["hide-input"], **HIDDEN}),
        new_code_cell("plt.show()  # ;", id="figure", outputs=[SVG],
                      metadata={"mystnb": {"image": {"alt": "A grid of 4 numbers."}}, "tags": ["hide-input"], **HIDDEN}),
        new_code_cell("raise ValueError", id="error", outputs=[ERROR], metadata={"tags": ["raises-exception"]}),
        new_code_cell("print('a; b')", id="output", outputs=printed("tensor(5.)\n/ 2 at 3\nhttps://x.org/tmp/a\n")),
    ]
    for count, cell in enumerate(cells[1:], start=1):
        cell.execution_count = count
    return new_notebook(cells=cells, metadata=METADATA)


def lines(folder, notebook, name="lessons/01-test.ipynb"):
    """The faults of a notebook, given as an object or as the text of a file, in a course without a table of contents."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    return [line for line in everything(folder) if not line.startswith("_toc.yml")]


def test_the_course_has_no_fault():
    assert notebooks(), "no notebook found"
    if found := everything():
        pytest.fail("\n".join(found), pytrace=False)


# A cell by its id, what is changed in it, the faulty values, and the line after "lessons/01-test.ipynb, cell 6 (output): ".
CELL_FAULTS = [
    ("output", "execution_count", [None], "has no execution count, so its output is not verified: run 'make outputs'"),
    ("output", "execution_count", [7], "has execution count 7 where 5 belongs: run 'make outputs'"),
    ("output", "id", ["fb45ac93", "Stride_output"], "give the cell a readable id"),
    ("output", "metadata", [{"tags": ["nbval-skip"]}], "has the tag nbval-skip: remove it"),
    ("title", "metadata", [{"tags": ["remove-cell"]}], "has the tag remove-cell: remove it"),
    ("output", "metadata", [{"tags": ["hide-output"]}], "is folded in one place only: the tag hide-output"),
    ("output", "metadata", [{"tags": ["hide-cell"], **HIDDEN}], "is folded in one place only: the tag hide-output"),
    ("output", "metadata", [HIDDEN], "is folded in one place only: the tag hide-input"),
    ("output", "metadata", [{"tags": ["raises-exception"]}], "is tagged raises-exception but raises nothing"),
    ("error", "metadata", [{}], "raises ValueError without the tag raises-exception"),
    ("error", "outputs", [[{**ERROR, "traceback": ["ValueError: too small", "by 1"]}]], "stores a traceback that is not the one line"),
    ("error", "outputs", [[{**ERROR, "traceback": ["ValueError: too large"]}]], "stores a traceback that is not the one line"),
    ("output", "source", ["# NBVAL_IGNORE_OUTPUT\n1"], "has the comment NBVAL_IGNORE_OUTPUT"),
    ("output", "source", ["#NBVAL_SKIP\n1"], "has the comment NBVAL_SKIP"),
    ("output", "source", ["x = 1\nx;", "x;  # quiet\n# please\n"], "ends with ';'"),
    ("output", "source", ["x = 1\n" * 13], "has 13 lines of code: write 1 to 12"),
    ("output", "source", ["x = " + "1" * 76], "has a line of 80 characters: break it"),
    ("output", "source", [" \n"], "has 0 lines of code"),
    ("output", "source", ["x = ("], "is not Python"),
    ("output", "source", ["import pandas as pd"], "imports pandas"),
    ("output", "source", ["def f():\n    from tools.outputs import run", "from . import x"], "imports "),
    ("output", "source", ["!pip install torch", "%pip install torch", "x = !ls"], "runs a magic or a shell command"),
    ("drawing", "source", [SHARED["drawing"] + "\n"], "differs from its one home in tools/cells: run 'make outputs'"),
    ("figure", "source", ["x = 1\n" * 41], "has 41 lines of code: write 1 to 40"),
    ("output", "outputs", [printed("UserWarning: even", "stderr")], "writes to stderr (UserWarning: even)"),
    ("output", "outputs", [printed("in /home/ada/x.py")], "shows a path of one machine (/home/)"),
    ("output", "outputs", [printed(path) for path in ("C:\\Users", "lib/site-packages/x", "<ipython-input-3>")], "shows a path of one machine"),
    ("output", "outputs", [[{**SVG, "data": {"text/plain": "/tmp/ipykernel_4/5.py"}}]], "shows a path of one machine (/tmp/)"),
    ("output", "outputs", [printed("<object at 0x7fa3>")], "shows an address that changes with every run (at 0x7fa3)"),
    ("output", "outputs", [[{**SVG, "data": {"application/vnd.jupyter.widget-view+json": "x"}}]], "stores an output of type application/vnd"),
    ("figure", "metadata", [{"mystnb": {"image": {"alt": alt}}} for alt in (" ", "figure.png")], "draws a picture without a written alternative"),
    ("figure", "outputs", [[]], "has a written alternative but draws nothing"),
    ("title", "source", ["```{note}\nx\n```"], "has MyST markup ({note})"),
    ("title", "source", ["- a\n\n  :::{tip}\n  b\n  :::"], "has MyST markup (:::{tip})"),
    ("title", "source", ["See {ref}`stride`."], "has MyST markup ({ref})"),
    ("title", "source", ["(stride)=\n# Stride", "Text\n% a note"], "has MyST markup ("),
    ("title", "source", ["a <br> b"], "has raw HTML (<br>)"),
    ("title", "source", ["<div>\n<course-explorer id=\"a\">\n<b>x</b>\n</course-explorer>\n</div>", "<div>\n\nx\n\n</div>", "<details><summary>Why</summary>\n**So.**\n</details>"], "has raw HTML (<d"),
    ("title", "source", ["![](x.png)"], "shows a picture without a written alternative"),
]


@pytest.mark.parametrize(("name", "key", "values", "line"), CELL_FAULTS)
def test_a_fault_in_a_cell_is_one_line_that_names_it(tmp_path, name, key, values, line):
    for value in values:
        notebook = good()
        number, cell = next((number, cell) for number, cell in enumerate(notebook.cells, start=1) if cell.id == name)
        cell[key] = value
        found = lines(tmp_path, notebook)
        assert any(one.startswith(f"lessons/01-test.ipynb, cell {number} ({cell.id}): {line}") for one in found), found
        assert not any("\n" in one for one in found)


def stripped(notebook):
    for cell in notebook.cells[1:]:
        cell.update(outputs=[], execution_count=None)


NOTEBOOK_FAULTS = [
    (stripped, "its outputs are stripped, so nothing is verified: run 'make outputs'"),
    (lambda notebook: notebook.update(metadata={}), "notebook metadata is not the normal form: run 'make outputs'"),
    (lambda notebook: notebook.cells[0].update(id="output"), "two cells have the id output: change one"),
    (lambda notebook: notebook.cells[0].update(source="word " * 1201), "has 1201 words of text: at most 1200"),
    (lambda notebook: notebook.cells.extend(notebook.cells[:1] * 23), "has 29 cells: at most 28"),
    (lambda notebook: notebook.update(cells=[3]), "is not a notebook that can be read"),
    (lambda notebook: notebook.cells[0].pop("id"), "is not a notebook that can be read ('id' is a required property)"),
    (lambda notebook: notebook.cells[3].metadata.update(mystnb=[1]), "is not a notebook that can be read"),
]


@pytest.mark.parametrize(("plant", "line"), NOTEBOOK_FAULTS)
def test_a_fault_of_the_whole_notebook_is_one_line(tmp_path, plant, line):
    plant(notebook := good())
    assert [one for one in lines(tmp_path, notebook) if one.startswith(f"lessons/01-test.ipynb: {line}")]


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", '{"cells": []}'])
def test_a_file_that_is_no_notebook_is_one_line(tmp_path, text):
    assert [line.split(" (")[0] for line in lines(tmp_path, text)] == ["lessons/01-test.ipynb: is not a notebook that can be read"]


def test_an_exercise_is_stored_without_outputs_and_only_a_lesson_has_a_length(tmp_path):
    stripped(notebook := good())
    notebook.cells[0].source = "word " * 1201
    notebook.cells[4].metadata = {}
    assert lines(tmp_path, notebook, "exercises/01-test.ipynb") == []
    notebook.cells[0].id = "Title"
    assert len(lines(tmp_path, notebook, "exercises/01-test.ipynb")) == 1


@pytest.mark.parametrize(("listed", "expected"), [
    ("01-a 02-b", []),
    ("01-a", ["lessons/02-b.ipynb: is not in _toc.yml: list it there, or give the file its old name back"]),
    ("01-a 02-b 03-c", ["_toc.yml: lists lessons/03-c, and there is no such file: rename one or the other"]),
    ("02-b 01-a", ["lessons/02-b.ipynb: is lesson 1 in _toc.yml: rename it to 01-…, or move its line there",
                   "lessons/01-a.ipynb: is lesson 2 in _toc.yml: rename it to 02-…, or move its line there"]),
    (None, ["_toc.yml: cannot be read (No such file or directory): restore the file"]),
])
def test_lessons_are_numbered_as_in_the_table_of_contents(tmp_path, listed, expected):
    for name in ("01-a", "02-b"):
        lines(tmp_path, good(), f"lessons/{name}.ipynb")
    (tmp_path / "index.md").touch()
    if listed:
        entries = [f"      - file: lessons/{name}\n" for name in listed.split()]
        (tmp_path / "_toc.yml").write_text("root: index\nparts:\n  - chapters:\n" + "".join(entries), encoding="utf-8")
    assert everything(tmp_path) == expected
