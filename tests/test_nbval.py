"""Faults planted in a notebook's stored outputs turn a real nbval run, with this project's settings, red.

Caught here: a changed digit, in an output and in a figure; a swapped photograph; a missing output or picture; another error.
Let through by nbval, so left to tools/lint.py (tests/test_lint.py): a stripped notebook, stderr, a path, a tag or a comment that
makes nbval ignore, a missing alternative text, a renamed lesson.
"""

import re
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from tests.nbval_pictures import difference
from tools import outputs

CODE = {
    "imports": "import numpy as np\nimport matplotlib.pyplot as plt",
    "settings": "%config InlineBackend.figure_formats = ['svg']\n"
                "%config InlineBackend.print_figure_kwargs = {'metadata': {'Date': None}}\n"
                "plt.rcParams.update({'svg.hashsalt': 'x', 'svg.fonttype': 'none'})",
    "digit": "np.arange(4) * 2",
    "figure": "plt.figure(figsize=(1, 1)).add_axes((0, 0, 1, 1)).text(0.5, 0.5, 42)\nplt.show()",
    "no-output": "print('size', 3)",
    "error": "1 / 0",
    "photograph": "%config InlineBackend.figure_formats = ['png']\nplt.imshow(np.arange(64).reshape(8, 8))\nplt.show()",
    "no-picture": "plt.imshow(np.eye(8))\nplt.show()",
}
REPORTS = dict.fromkeys(["digit", "figure", "no-output", "error"], "no longer gives what is stored") | {
    "photograph": r"the picture differs from the stored one: mean difference \d+\.\d of 255",
    "no-picture": r"stored no picture, drawn \d+×\d+ pixels",
}


def plant(cells):
    """Change stored outputs only, as a careless edit or an old run would."""
    cells["digit"].outputs[0].data["text/plain"] = "array([0, 2, 4, 7])"
    figure = cells["figure"].outputs[0].data
    figure["image/svg+xml"] = figure["image/svg+xml"].replace(">42<", ">43<")
    cells["no-output"].outputs = []
    cells["error"].outputs[0].evalue = "division by one"
    cells["photograph"].outputs[0].data["image/png"] = cells["no-picture"].outputs[0].data.pop("image/png")


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
    plant({cell.id: cell for cell in notebook.cells})
    nbformat.write(notebook, root / "lessons" / "planted.ipynb")
    return root


def verify(course):
    """Run pytest on the lessons as `make test` does, and return what it printed."""
    command = [sys.executable, "-m", "pytest", "lessons", "-p", "no:cacheprovider", "--color=no"]
    return subprocess.run(command, cwd=course, capture_output=True, text=True).stdout


def test_only_the_planted_cells_fail_and_each_report_names_the_cell_and_what_to_do(course):
    printed = verify(course)
    assert "pictures: compared" in printed
    assert f" {len(REPORTS)} failed, {2 * len(CODE) - len(REPORTS)} passed" in printed
    for name, words in REPORTS.items():
        assert re.search(rf"^Cell \d+: \(id {name}\) .*{words}.*run 'make outputs'", printed, re.M), name


def test_where_another_matplotlib_draws_pictures_are_not_compared(course, tmp_path):
    shutil.copytree(course, tmp_path / "course")
    (tmp_path / "course/constraints.txt").write_text("matplotlib==1.0\n", encoding="utf-8")
    printed = verify(tmp_path / "course")
    assert "pictures: NOT compared" in printed and "pins Matplotlib 1.0" in printed
    assert re.findall(r"^Cell \d+: \(id ([\w-]+)\)", printed, re.M) == ["digit", "no-output", "error"]


def test_rounding_is_forgiven_and_a_changed_detail_is_not():
    blank = np.zeros((32, 32, 4))
    rounded, dotted = blank.copy(), blank.copy()
    rounded[::8], dotted[5, 5] = 2, 33
    assert difference([blank], [blank]) is difference([blank], [rounded]) is None
    assert "mean difference 1.0 of 255" in difference([blank], [blank + 1])
    assert "largest 33" in difference([blank], [dotted])
    assert "stored 32×32 pixels, drawn 32×31 pixels" in difference([blank], [blank[1:]])
