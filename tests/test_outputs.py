"""`make outputs` stores one normal form, twice the same, and changes nothing when a notebook fails."""

import nbformat
import pytest
from nbgrader.utils import is_grade, is_solution

from tools import exercises, outputs


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Write a notebook, its cells given by id, into an empty course and return its path."""
    monkeypatch.setattr(outputs, "ROOT", tmp_path)
    (tmp_path / "lessons").mkdir()

    def write(name="01-test", tags=(), **cells):
        code = [nbformat.v4.new_code_cell(source, id=place, metadata={"tags": list(tags)}) for place, source in cells.items()]
        notebook = nbformat.v4.new_notebook(cells=code, metadata={"language_info": {"name": "python", "version": "3.0"}})
        nbformat.write(notebook, tmp_path / f"lessons/{name}.ipynb")
        return tmp_path / f"lessons/{name}.ipynb"

    return write


def test_the_stored_form_has_nothing_of_this_machine(lesson):
    path = lesson(one="print('a', flush=True)\nprint('b')\n1 + 1", two="raise ValueError('too small\\nby one')", tags=["raises-exception"])
    assert outputs.main([str(path)]) is None
    stored = nbformat.read(path, as_version=4)
    printed, result = stored.cells[0].outputs
    assert stored.metadata == outputs.METADATA
    assert [cell.execution_count for cell in stored.cells] == [1, 2] and result.execution_count == 1
    assert (printed.text, result.data["text/plain"]) == ("a\nb\n", "2")
    assert stored.cells[1].outputs[0].traceback == ["ValueError: too small"]
    assert all(set(cell.metadata) == {"tags"} for cell in stored.cells)


def test_running_twice_leaves_the_file_as_it_was(lesson):
    figure = "draw(grid([[1, -2]], 'input', 'x', [(0, 0, 1, 1)]), '*', grid([[.5]], 'kernel'))"
    path = lesson(imports="import matplotlib.pyplot as plt, torch", drawing="", figure=figure)
    outputs.main([str(path)])
    first = path.read_bytes()
    outputs.main([str(path)])
    assert b"<svg" in first and path.read_bytes() == first


def test_the_cells_of_a_solution_are_marked_by_their_ids(lesson, tmp_path):
    path = lesson(title="1", new_answer="### BEGIN SOLUTION\nx = 1\n### END SOLUTION", new_check="print(x)", new_wrong="raise ValueError", new_why="2")
    text = path.read_text(encoding="utf-8").replace("new_", "new-")
    path = tmp_path / "solutions/01-test.ipynb"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert outputs.main([str(path)]) is None
    cells = nbformat.reads(exercises.derive(path), as_version=4).cells
    assert [cell.id for cell in cells] == ["title", "rules", "new-answer", "new-check"] and cells[2].source == exercises.STUB
    assert is_solution(cells[2]) and is_grade(cells[3]) and cells[3].metadata.nbgrader.points == 1
    for points in (0, 2):
        outputs.mark(one := nbformat.v4.new_code_cell("print(x)", id="new-check", metadata={"nbgrader": {"points": points}}))
        assert one.metadata.nbgrader.points == points and one.metadata.nbgrader.grade_id == "new-check"


def test_what_does_not_run_is_named_and_no_file_changes(lesson, tmp_path):
    good, failing, broken = lesson(one="1 + 1"), lesson("02-failing", one="1 / 0"), lesson("03-broken")
    broken.write_text("{", encoding="utf-8")
    before = [path.read_bytes() for path in (good, failing, broken)]
    message = outputs.main([str(good), str(failing)])
    assert message.startswith("lessons/02-failing.ipynb, cell one, stopped: ZeroDivisionError: division by zero\n") and "make outputs" in message
    for name in ("lessons/03-broken.ipynb", "lessons/09-none.ipynb", "../elsewhere.ipynb"):
        assert outputs.main([str(tmp_path / name)]).startswith(f"{name} stopped:")
    assert [path.read_bytes() for path in (good, failing, broken)] == before
