"""`make outputs` stores one normal form, twice the same, and changes nothing when a notebook fails."""

import nbformat
import pytest

from tools import outputs


def notebook(*sources, tags=()):
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}", metadata={"tags": list(tags)}) for n, source in enumerate(sources)]
    return nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.0"}})


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Write a notebook into an empty course and return its path."""
    monkeypatch.setattr(outputs, "ROOT", tmp_path)

    def write(*sources, **kwargs):
        path = tmp_path / "lessons" / "01-test.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook(*sources, **kwargs), path)
        return path

    return write


def test_the_stored_form_has_nothing_of_this_machine(lesson):
    path = lesson("print('a')\nprint('b')\n1 + 1", "raise ValueError('too small\\nby one')", tags=["raises-exception"])
    assert outputs.main([str(path)]) is None
    stored = nbformat.read(path, as_version=4)
    printed, result = stored.cells[0].outputs
    assert stored.metadata == outputs.METADATA
    assert [cell.execution_count for cell in stored.cells] == [1, 2] and result.execution_count == 1
    assert (printed.text, result.data["text/plain"]) == ("a\nb\n", "2")
    assert stored.cells[1].outputs[0].traceback == ["ValueError: too small"]
    assert all(set(cell.metadata) == {"tags"} for cell in stored.cells)


def test_running_twice_leaves_the_file_as_it_was(lesson):
    figure = "import matplotlib.pyplot as plt, torch", "", "draw(grid([[1, -2]], 'input', 'x', [(0, 0, 1, 1)]), '*', grid([[.5]], 'kernel'))"
    path = lesson(*figure)
    stored = nbformat.read(path, as_version=4)
    stored.cells[1].id = "drawing"
    nbformat.write(stored, path)
    outputs.main([str(path)])
    first = path.read_bytes()
    outputs.main([str(path)])
    assert b"svg" in first and path.read_bytes() == first


def test_a_failing_notebook_changes_no_file_and_is_named(lesson):
    path = lesson("1 + 1", "1 / 0")
    before = path.read_bytes()
    message = outputs.main([str(path)])
    assert "lessons/01-test.ipynb" in message and "ZeroDivisionError" in message and "make outputs" in message
    assert path.read_bytes() == before


def test_a_file_that_is_no_notebook_is_named(lesson):
    path = lesson("1")
    path.write_text("{", encoding="utf-8")
    assert "lessons/01-test.ipynb" in outputs.main([str(path)])
    assert path.read_text(encoding="utf-8") == "{"


def test_a_path_that_leads_nowhere_or_out_of_the_course_is_named(lesson, tmp_path):
    lesson("1")
    for path in ("lessons/09-none.ipynb", "../elsewhere.ipynb"):
        assert outputs.main([str(tmp_path / path)]).startswith(f"{path} stopped:")
