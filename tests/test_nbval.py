"""Faults planted in a notebook's stored outputs turn a real nbval run, with this project's settings, red.

Caught here: a changed digit, in an output and in a figure; a swapped photograph; a missing output or picture; another error.
Let through by nbval, so left to tools/lint.py (tests/test_lint.py): a stripped notebook, stderr, a path, a tag or a comment that
makes nbval ignore, a missing alternative text, a renamed lesson.
"""

import copy
import re
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from tests.nbval_pictures import difference
from tools import lint, outputs

CODE = {
    "imports": "import sys\nimport numpy as np\nimport matplotlib.pyplot as plt",
    "settings": "%config InlineBackend.figure_formats = ['svg']\n"
                "%config InlineBackend.print_figure_kwargs = {'metadata': {'Date': None}}\n"
                "plt.rcParams.update({'svg.hashsalt': 'x', 'svg.fonttype': 'none'})",
    "digit": "np.arange(4) * 2",
    "figure": "plt.figure(figsize=(1, 1)).add_axes((0, 0, 1, 1)).text(0.5, 0.5, 42)\nplt.show()",
    "no-output": "print('size', 3)",
    "error": "1 / 0",
    "ignore-tag": "print('tag', 1)",
    "ignore-comment": "# NBVAL_IGNORE_OUTPUT\nprint('comment', 1)",
    "stderr": "print('careful', file=sys.stderr)",
    "path": "print('/home/ada/lab')",
    "photograph": "%config InlineBackend.figure_formats = ['png']\nplt.imshow(np.arange(64).reshape(8, 8))\nplt.show()",
    "no-picture": "plt.imshow(np.eye(8))\nplt.show()",
}
NBVAL = {
    "digit": "no longer gives what is stored",
    "figure": "no longer gives what is stored",
    "no-output": "no longer gives what is stored",
    "error": "no longer gives what is stored",
    "photograph": r"the picture differs from the stored one: mean difference \d+\.\d of 255.*run 'make outputs'",
    "no-picture": r"stored no picture, drawn \d+×\d+ pixels",
}
LINT = {
    "ignore-tag": "has the tag nbval-ignore-output: remove it",
    "ignore-comment": "has the comment NBVAL_IGNORE_OUTPUT, which changes what is checked: remove it",
    "stderr": "writes to stderr",
    "path": "shows a path of one machine",
    "figure": "draws a picture without a written alternative",
}


def plant(notebook):
    """Change stored outputs only, as a careless edit or an old run would."""
    cells = {cell.id: cell for cell in notebook.cells}
    stored = {name: cell.outputs[0] for name, cell in cells.items() if cell.outputs}
    stored["digit"].data["text/plain"] = "array([0, 2, 4, 7])"
    figure = stored["figure"].data
    assert figure["image/svg+xml"].count(">42<") == 1
    figure["image/svg+xml"] = figure["image/svg+xml"].replace(">42<", ">43<")
    cells["no-output"].outputs = []
    stored["error"].evalue = "division by one"
    stored["ignore-tag"].text = stored["ignore-comment"].text = "wrong\n"
    cells["ignore-tag"].metadata.tags = ["nbval-ignore-output"]
    stored["photograph"].data["image/png"] = stored["no-picture"].data.pop("image/png")
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with this project's settings, one true lesson, and the same with the faults planted."""
    root = tmp_path_factory.mktemp("course")
    for name in ("pyproject.toml", "constraints.txt", "tests/nbval_pictures.py"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(outputs.ROOT / name, root / name)
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CODE.items()]
    cells[list(CODE).index("error")].metadata.tags = ["raises-exception"]
    (root / "lessons").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "lessons" / "true.ipynb")
    notebook = outputs.run(root / "lessons" / "true.ipynb")
    nbformat.write(notebook, root / "lessons" / "true.ipynb")
    nbformat.write(plant(copy.deepcopy(notebook)), root / "lessons" / "planted.ipynb")
    return root


def run(course, what="lessons"):
    """Run pytest on the lessons as `make test` does; return what it printed, and the report of each failed cell by lesson and id."""
    command = [sys.executable, "-m", "pytest", what, "-p", "no:cacheprovider", "--color=no"]
    printed = subprocess.run(command, cwd=course, capture_output=True, text=True).stdout
    reports = re.findall(r"^_+ lessons/(\w+)\.ipynb::Cell (\d+) _+\n(.*?)(?=^_+ lessons|^=+ )", printed, re.M | re.S)
    return printed, {(lesson, list(CODE)[int(number)]): report for lesson, number, report in reports}


@pytest.fixture(scope="module")
def verified(course):
    return run(course)


def test_the_true_lesson_passes_and_only_the_planted_cells_fail(verified):
    printed, reports = verified
    assert "pictures: compared" in printed
    assert set(reports) == {("planted", name) for name in NBVAL}


@pytest.mark.parametrize("name", NBVAL)
def test_the_report_names_the_cell_and_what_to_do(verified, name):
    report = verified[1]["planted", name]
    line = next(line for line in report.splitlines() if f"(id {name})" in line)
    assert re.search(NBVAL[name], line) and "make outputs" in line


@pytest.mark.parametrize("name", LINT)
def test_lint_names_what_nbval_lets_through(course, name):
    lines = lint.faults(course / "lessons" / "planted.ipynb", course)
    assert [line for line in lines if f"({name})" in line and LINT[name] in line]


def test_where_another_matplotlib_draws_pictures_are_not_compared(course, verified):
    (course / "constraints.txt").write_text("matplotlib==1.0\n", encoding="utf-8")
    printed, reports = run(course, "lessons/planted.ipynb")
    assert "pictures: NOT compared" in printed and "pins Matplotlib 1.0" in printed
    assert set(verified[1]) - set(reports) == {("planted", name) for name in ("figure", "photograph", "no-picture")}


def test_rounding_is_forgiven_and_a_changed_detail_is_not():
    blank = np.zeros((32, 32, 4))
    rounded, dotted = blank.copy(), blank.copy()
    rounded[::8], dotted[5, 5] = 2, 33
    assert difference([blank], [blank]) is difference([blank], [rounded]) is None
    assert "mean difference 1.0 of 255" in difference([blank], [blank + 1])
    assert "largest 33" in difference([blank], [dotted])
    assert "stored 32×32 pixels, drawn 32×31 pixels" in difference([blank], [blank[1:]])
