"""Measure the grader: seconds a submission beside nbgrader's own run, what the sandbox costs, one core beside two: part of `make benchmark`."""

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import nbformat
from nbgrader.preprocessors import Execute
from nbgrader.utils import determine_grade, is_grade

from tools.grading import __main__ as grading
from tools.grading.sandbox import refusal
from tools.outputs import ROOT

NAME, STUDENTS, TIMES = "01-what-is-convolution", 8, 3


def by_nbgrader(path):
    """Run one submission in an ordinary kernel of nbgrader's and score it there."""
    notebook, _ = Execute(extra_arguments=["--log-level=ERROR"]).preprocess(nbformat.read(path, as_version=4), {"metadata": {"path": str(path.parent)}})
    return [determine_grade(cell) for cell in notebook.cells if is_grade(cell)]


def seconds(what):
    """How long a call takes, as the median of three; what it prints is dropped."""
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            what()
        taken.append(time.perf_counter() - begun)
    return median(taken)


def by_us(folder, **options):
    """Grade a folder from the start."""
    shutil.rmtree(folder.with_name("class-graded"), ignore_errors=True)
    if error := grading.main(folder, **options):
        sys.exit(error)


def main():
    if why := refusal():
        sys.exit(why)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "class"
        for number in range(STUDENTS):
            (folder / f"student-{number}").mkdir(parents=True)
            shutil.copy(ROOT / f"solutions/{NAME}.ipynb", folder / f"student-{number}")
        paths = sorted(folder.rglob("*.ipynb"))
        print(f"seconds a submission ({NAME}, {STUDENTS} of them, median of {TIMES} runs)")
        rows = {"nbgrader's own run, no sandbox": lambda: [by_nbgrader(path) for path in paths],
                "ours, one at a time, no sandbox": lambda: by_us(folder, at_once=1, unsafe=True),
                "ours, one at a time": lambda: by_us(folder, at_once=1),
                "ours, two at a time": lambda: by_us(folder, at_once=2)}
        for words, what in rows.items():
            print(f"{words:34}{seconds(what) / STUDENTS:6.2f}", flush=True)
        print(f"{'ours, nothing has changed':34}{seconds(lambda: grading.main(folder)) / STUDENTS:6.2f}")


if __name__ == "__main__":
    main()
