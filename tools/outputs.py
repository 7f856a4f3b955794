"""Run the notebooks and store their outputs in one normal form: `make outputs`, or with ARGS="lessons/03-stride.ipynb"."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert.filters import strip_ansi

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("lessons", "reference", "solutions")
SHARED = {path.stem: path.read_text(encoding="utf-8").strip("\n") for path in sorted((ROOT / "tools/cells").glob("[a-z]*.*"))}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
GRADED = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}  # nbgrader's words
FOLDED = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
ROLES = {  # the metadata of a solution's cell, by the last word of its id
    "checking": {"nbgrader": GRADED, **FOLDED},
    "drawing": {"nbgrader": GRADED, **FOLDED},
    "answer": {"nbgrader": GRADED | {"solution": True, "locked": False}},
    "check": {"nbgrader": GRADED | {"grade": True, "points": 1}, **FOLDED},
    "why": {"tags": ["solution"]},
    "wrong": {"tags": ["solution", "raises-exception"]},
}


def mark(cell):
    """Give a cell of a solution the metadata that the last word of its id stands for, in place. The points of a check stay as they are."""
    points = cell.metadata.get("nbgrader", {}).get("points")
    cell.metadata.update(nbformat.from_dict(ROLES.get(cell.id.rsplit("-", 1)[-1], {})))
    if "nbgrader" in cell.metadata:
        cell.metadata.nbgrader.grade_id = cell.id
    if points is not None:
        cell.metadata.nbgrader.points = points


def notebooks(root=ROOT):
    """The notebooks of the course whose outputs are stored, in order."""
    return sorted(path for folder in FOLDERS for path in (root / folder).glob("*.ipynb"))


def normal(notebook):
    """Bring a notebook that was just run into the stored form, in place, and return it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}".splitlines()[0]]
    return notebook


def run(path):
    """Run one notebook in its folder and return it in the stored form, or raise what its cell raised."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = SHARED.get(cell.id, cell.source)
        if path.parent.name == "solutions":
            mark(cell)
    begun = []
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False, coalesce_streams=True,
                            extra_arguments=["--log-level=ERROR"], resources={"metadata": {"path": str(path.parent)}},
                            on_cell_start=lambda cell, cell_index: begun.append(cell.id))
    try:
        return normal(client.execute())
    except Exception as error:
        error.place = f", cell {begun[-1]}," if begun else ""
        raise


def main(arguments):
    """Run every notebook before writing the first, so that a failure leaves all files as they were."""
    paths = [Path(argument).resolve() for argument in arguments] or notebooks()
    done = {}
    for path in paths:
        name = os.path.relpath(path, ROOT)
        print(f"running {name}", flush=True)
        try:
            done[path] = run(path)
        except Exception as error:
            reason = strip_ansi((str(error).strip().splitlines() or [type(error).__name__])[-1])
            return f"{name}{getattr(error, 'place', '')} stopped: {reason}\nNo file was changed. Mend that cell, then run 'make outputs' again."
    for path, notebook in done.items():
        nbformat.write(notebook, path)
    print(f"stored the outputs of {len(done)} notebooks")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
