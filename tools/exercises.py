"""Derive exercises/ from solutions/, the only version that is written by hand: `make exercises`."""

import re
import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearOutput, ClearSolutions, ComputeChecksums, LockCells
from traitlets.config import Config

from tools.outputs import ROOT, SHARED

STUB = "# Your answer here"
CONFIG = Config({
    "TagRemovePreprocessor": {"remove_cell_tags": ["solution"]},
    "ClearSolutions": {"code_stub": {"python": STUB}},
})
STEPS = (TagRemovePreprocessor, LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ClearHiddenTests, ComputeChecksums)


def derive(path):
    """The exercise that belongs to a solution, as the text of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    for step in STEPS:
        notebook, _ = step(config=CONFIG).preprocess(notebook, {})
    title = notebook.cells[0]
    title.source = title.source.replace("# Solutions: ", "# Exercises: ", 1)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(SHARED["rules"], id="rules"))
    for cell in notebook.cells:
        cell.source = re.sub(rf"\n+^{STUB}$", "", cell.source, flags=re.M)  # needed only where a function has no body yet
        if cell.metadata.get("nbgrader", {}).get("grade"):  # a check that fails must not end "Run all"
            cell.metadata.tags = [*cell.metadata.get("tags", []), "raises-exception"]
    return nbformat.writes(notebook) + "\n"


def main(folder=ROOT / "exercises"):
    """Write every exercise, after all of them could be made. Returns an error in one line, or nothing."""
    made = {}
    for path in sorted(ROOT.glob("solutions/*.ipynb")):
        try:
            made[folder / path.name] = derive(path)
        except (RuntimeError, ValueError) as error:
            return f"solutions/{path.name}: {str(error).rstrip('.')}. No file was changed. 'make outputs' marks a new cell by its id: run it first."
    folder.mkdir(exist_ok=True)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    print(f"wrote {len(made)} exercises")


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
