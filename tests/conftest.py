"""One build of the book and one browser a file, and a line at the end that counts the answers to the exercises that were tried."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

from tools.browser import FLAGS, MISSING, find
from tools.outputs import ROOT
from tools.serving import serve

FORK = {"GITHUB_REPOSITORY": "ada/lab", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "more/pads"}


def build(source, output, **env):
    """Build the book as the README says, with nothing of the caller's own repository in the environment."""
    env |= {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    command = [Path(sys.executable).with_name("jupyter-book"), "build", source, "--path-output", output, "-W", "-n", "--keep-going"]
    return subprocess.run(command, env=env, text=True, capture_output=True)


@pytest.fixture(scope="session")
def html(tmp_path_factory, worker_id):
    """Where the pages of this tree, built as a fork would, are."""
    temporary = tmp_path_factory.getbasetemp()
    output = (temporary if worker_id == "master" else temporary.parent) / "book"
    with FileLock(output.with_suffix(".lock")):
        if not (output / "sound").exists():
            done = build(ROOT, output, **FORK)
            assert done.returncode == 0, done.stderr
            (output / "sound").touch()
    return output / "_build/html"


@pytest.fixture(scope="module")  # no longer: while it runs, nbval cannot start a loop of its own in this process
def browser():
    program = find()
    if not program:
        pytest.fail(MISSING, pytrace=False)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=FLAGS)


@pytest.fixture(scope="session")
def site(html):
    return serve(html)


def pytest_terminal_summary(terminalreporter):
    """Counts by the names of the tests in test_answers.py."""
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", []) if "test_answers" in report.nodeid]
    counts = [sum(kind in name for name in passed) for kind in ("test_a_blank", "test_a_wrong", "test_a_right")]
    if any(counts):
        terminalreporter.write_line("exercises: {} blank notebooks, {} wrong answers refused, {} right ones accepted".format(*counts))
