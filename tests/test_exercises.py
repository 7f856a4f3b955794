"""The exercises are what tools/exercises.py makes of the solutions, and nothing of a solution is left in them."""

import copy
import re
import shutil

import nbformat
import pytest

from tools import exercises, outputs
from tools.outputs import ROOT

FOLDERS = ("lessons", "solutions", "exercises")
RUNGS = ["Predict", "Write", "Debug", "Design"]


def read(path):
    return nbformat.read(path, as_version=4)


def solution_parts(notebook):
    """The texts of a solution that no exercise may hold: the marked regions, and whole cells."""
    for cell in notebook.cells:
        yield from re.findall(r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", cell.source, re.S)
        if "solution" in cell.metadata.get("tags", []):
            yield cell.source


def faults(root):
    """What is wrong with the exercises of a course, one line each."""
    names = {folder: {path.name for path in root.glob(f"{folder}/*.ipynb")} for folder in FOLDERS}
    found = [f"{name}: is not in lessons, solutions and exercises alike" for name in sorted(set.union(*names.values()) - set.intersection(*names.values()))]
    for name in sorted(set.intersection(*names.values())):
        lesson, solution, exercise = (read(root / folder / name) for folder in names)
        if (root / "exercises" / name).read_text(encoding="utf-8") != exercises.derive(root / "solutions" / name):
            found.append(f"exercises/{name}: is not what its solution makes: change solutions/{name}, then run 'make exercises'")
        if solution.cells[0].source != lesson.cells[0].source.split("\n")[0].replace("# ", "# Solutions: "):
            found.append(f"solutions/{name}: its title is not that of the lesson")
        text = "\n".join(cell.source for cell in exercise.cells)
        if any(part in text for part in solution_parts(solution)) or any(cell.get("outputs") for cell in exercise.cells):
            found.append(f"exercises/{name}: holds a solution or an output")
        for cell, marked in zip(solution.cells, copy.deepcopy(solution.cells)):
            outputs.mark(marked)
            if cell != marked:
                found.append(f"solutions/{name}: the metadata of {cell.id} are not those of its name: run 'make outputs'")
        headings = re.findall(r"^## (\d+)\. (\w+): ", "\n".join(cell.source for cell in solution.cells), re.M)
        if [int(number) for number, _ in headings] != list(range(1, len(headings) + 1)) or list(dict.fromkeys(rung for _, rung in headings)) != RUNGS:
            found.append(f"solutions/{name}: the headings are not numbered through the rungs {', '.join(RUNGS)}")
        for task in (cell.id for cell in solution.cells if cell.metadata.get("nbgrader", {}).get("solution")):
            parts = {cell.id.removeprefix(task.removesuffix("answer")) for cell in solution.cells if cell.id.startswith(task.removesuffix("answer"))}
            if missing := {"answer", "check", "hints", "why", "wrong"} - parts:
                found.append(f"solutions/{name}: {task.removesuffix('-answer')} has no {', '.join(sorted(missing))}")
    return found


@pytest.fixture(scope="module")
def all_faults():
    return faults(ROOT)


@pytest.mark.parametrize("name", sorted({path.stem for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.ipynb")}))
def test_an_exercise_has_no_fault(all_faults, name):
    if found := [line for line in all_faults if f"{name}.ipynb" in line]:
        pytest.fail("\n".join(found), pytrace=False)


NAME = "01-what-is-convolution.ipynb"


@pytest.fixture
def course(tmp_path):
    """A course of one lesson."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        shutil.copy(ROOT / folder / NAME, tmp_path / folder / NAME)
    assert faults(tmp_path) == []
    return tmp_path


def cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


@pytest.mark.parametrize(("folder", "plant", "line"), [
    ("exercises", lambda nb: cell(nb, "write-slide").update(source="Write it."), "exercises/{}: is not what its solution makes"),
    ("exercises", lambda nb: cell(nb, "write-slide-answer").update(source="height, width = kernel.shape"), "exercises/{}: is not what"),
    ("exercises", lambda nb: nb.cells.append(cell(read(ROOT / "solutions" / NAME), "write-slide-why")), "exercises/{}: holds a solution"),
    ("exercises", lambda nb: cell(nb, "imports").update(outputs=[nbformat.v4.new_output("stream", text="1")]), "exercises/{}: holds a solution"),
    ("solutions", lambda nb: cell(nb, "title").update(source="# Solutions: Convolution"), "solutions/{}: its title is not"),
    ("solutions", lambda nb: cell(nb, "write-slide-check").metadata.nbgrader.update(grade_id="x"), "solutions/{}: the metadata of write-slide-check are"),
    ("solutions", lambda nb: cell(nb, "design-kernel").update(source="## 4. Draw: a kernel"), "solutions/{}: the headings"),
    ("solutions", lambda nb: cell(nb, "design-kernel").update(source="## 5. Design: a kernel"), "solutions/{}: the headings"),
    ("solutions", lambda nb: nb.cells.remove(cell(nb, "write-slide-hints")), "solutions/{}: write-slide has no hints"),
    ("lessons", None, "{}: is not in lessons, solutions and exercises alike"),
])
def test_a_planted_fault_is_one_line(course, folder, plant, line):
    path = course / folder / NAME
    if plant is None:
        path.unlink()
    else:
        plant(notebook := read(path))
        nbformat.write(notebook, path)
    assert [found for found in faults(course) if found.startswith(line.format(NAME))], faults(course)


def test_a_solution_that_cannot_be_derived_leaves_every_exercise_as_it_was(course, monkeypatch):
    monkeypatch.setattr(exercises, "ROOT", course)
    notebook = read(course / "solutions" / NAME)
    cell(notebook, "write-slide-answer").source += "\n### BEGIN SOLUTION"
    nbformat.write(notebook, course / "solutions" / "02-broken.ipynb")
    before = (course / "exercises" / NAME).read_bytes()
    message = exercises.main(course / "exercises")
    assert message.startswith("solutions/02-broken.ipynb: ") and "no end solution statement found" in message
    assert [path.name for path in (course / "exercises").iterdir()] == [NAME] and (course / "exercises" / NAME).read_bytes() == before
