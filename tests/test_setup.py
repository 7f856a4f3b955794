"""The set-up and the make verbs, tried with made-up Pythons on a bare PATH; and the lists of packages agree."""

import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest
import urllib3

from tools import browser
from tools.outputs import ROOT

COMMANDS = "sh awk cat cksum cp dirname grep make mkdir rm sed tail test touch".split()
LISTS = ("requirements.txt", "tests/requirements.txt", "constraints.txt")
BOOK = ("_config.yml", "_toc.yml", "book/book.py")
# Is also the .venv's Python and its builder of books, which tells when it finds pages built before.
FAKE_PYTHON = f"""#!/bin/sh
case "$*" in
    *ensurepip*) echo "SAYS $0" ;;
    *matplotlib*) ;;
    "-m venv "*)
        mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/jupyter-book"
        echo "command = $0 -m venv $3" >"$3/pyvenv.cfg"; eval "$FAKE_VENV" ;;
    "-m pip install "*) echo "$*" >>pip-calls; eval "$FAKE_PIP" ;;
    "-m pip "*) ;;
    "build "*) mkdir -p _build/html; test ! -f _build/html/page || echo again >&2; touch _build/html/page; eval "$FAKE_BUILD" ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""
NO_NETWORK = "echo 'WARNING: Retrying after connection broken by NewConnectionError'; echo 'ERROR: No matching distribution'; exit 1"


class Folder:
    """A copy of the project's set-up and a book in a folder with a space in its name, and a PATH with little on it but a Python 3.12."""

    def __init__(self, tmp_path):
        self.bin, self.root = tmp_path / "bin", tmp_path / "the lab"
        self.bin.mkdir()
        for command in COMMANDS:
            (self.bin / command).symlink_to(shutil.which(command))
        for name in ("Makefile", "tools/setup.sh", *LISTS, *BOOK):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.python("python3", "3.12 able")

    def python(self, name, says, script=FAKE_PYTHON):
        """Puts a made-up Python on the PATH, which tells its version and whether it can make an environment."""
        (self.bin / name).write_text(script.replace("SAYS", says))
        (self.bin / name).chmod(0o755)

    def run(self, *command, start=subprocess.run, **env):
        """Runs a command of the project in a process group of its own; with start=subprocess.Popen, only starts it."""
        env = {"PATH": str(self.bin), "HOME": str(self.root.parent), **env}
        pipe = subprocess.PIPE
        return start(command, cwd=self.root, env=env, text=True, stdout=pipe, stderr=pipe, start_new_session=True)

    def setup(self, what="book", **env):
        """Runs tools/setup.sh."""
        return self.run("sh", "tools/setup.sh", what, **env)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.mark.parametrize(("python", "env", "words"), [
    (None, {}, "This needs Python 3.11, 3.12 or 3.13. Install one"),
    ("3.10 able", {}, "(found only 3.10: "),
    ("3.14 able", {}, "(found only 3.14: "),
    ("3.12 unable", {}, "apt install python3.12-venv"),
    ("3.12 able", {"FAKE_VENV": "echo 'Error: disk quota'; exit 1"}, "Could not make .venv: Error: disk quota"),
    ("3.12 able", {"FAKE_PIP": NO_NETWORK}, "Check the network"),
    ("3.12 able", {"FAKE_PIP": "echo 'OSError: [Errno 28] No space left on device'; exit 1"}, "The disk is full"),
    ("3.12 able", {"FAKE_PIP": "echo 'ERROR: No match for torch'; exit 1"}, "failed: No match for torch"),
    ("3.12 able", {"FAKE_PIP": "kill -TERM 0; exec sleep 1"}, "Stopped before the set-up was done"),
])
def test_what_stops_a_setup_is_said_in_one_line_and_nothing_is_left_behind(folder, python, env, words):
    (folder.bin / "python3").unlink()
    if python:
        folder.python("python3", python)
    result = folder.setup(**env)
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1 and words in result.stderr, result.stderr
    assert not (folder.root / ".venv").exists()


def test_skips_what_does_not_run_and_obeys_a_named_python(folder):
    folder.python("python3", "3.9 able")
    folder.python("python3.13", "", script="#!/bin/sh\necho 'shim: not installed' >&2\nexit 127\n")
    folder.python("python3.11", "3.11 able")
    result = folder.setup()
    assert (result.returncode, result.stderr) == (0, "") and "Python 3.11 " in result.stdout
    shutil.rmtree(folder.root / ".venv")
    folder.python("mine", "3.13 able")
    assert "Python 3.13 " in folder.setup(PYTHON="mine").stdout


def test_a_second_run_does_nothing_and_a_failed_update_is_repeated(folder):
    assert "Installing" in folder.setup("tests").stdout
    for what in ("tests", "book"):
        result = folder.setup(what)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    for name in LISTS:
        file = folder.root / name
        before = file.read_text()
        file.write_text(before + "# changed\n")
        result = folder.setup("tests", FAKE_PIP=NO_NETWORK)
        assert result.returncode != 0 and result.stderr.count("\n") == 1
        file.write_text(before)  # Even so: pip may have stopped halfway.
        result = folder.setup("tests")
        assert (result.returncode, result.stdout) == (0, "Adding what .venv lacks.\n")
    calls = (folder.root / "pip-calls").read_text().splitlines()
    assert len(calls) == 7 and all("-r requirements.txt -r tests/requirements.txt" in call for call in calls)


def test_moved_or_broken_environment_is_made_again(folder):
    folder.setup()
    folder.root = folder.root.rename(folder.root.with_name("moved"))
    assert "Making .venv" in folder.setup().stdout
    (folder.root / ".venv/bin/python").unlink()
    (folder.root / ".venv/bin/python").symlink_to("/no/such/python")
    assert "Making .venv" in folder.setup().stdout
    assert folder.setup().stdout == ""


def test_book_starts_afresh_after_a_failure_or_a_change_of_dress(folder):
    first, second = folder.run("make", "book"), folder.run("make", "book")
    assert (first.stderr, second.stderr) == ("", "again\n")
    assert second.stdout.splitlines()[-1] == "The book is ready: _build/html/index.html"
    failed = folder.run("make", "book", FAKE_BUILD="exit 1")
    assert failed.returncode != 0 and "ready" not in failed.stdout
    assert folder.run("make", "book").stderr == ""
    for changed in ("book/book.py", "_config.yml"):
        assert folder.run("make", "book").stderr == "again\n"
        assert folder.run("make", "book", "--what-if", changed).stderr == ""


def test_serve_names_a_busy_port_and_shows_the_book_on_a_free_one(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = folder.run("make", "serve", f"PORT={port}")
    ours, makes = result.stderr.splitlines()
    assert ours == f"Port {port} is taken or no port number. Try: make serve PORT=8001"
    assert makes.startswith("make: ***") and result.returncode != 0
    address = f"http://127.0.0.1:{port}/"
    patience = urllib3.Retry(9, backoff_factor=0.1)  # It has to build the book first.
    with folder.run("make", "serve", f"PORT={port}", start=subprocess.Popen) as server:
        try:
            assert b"page" in urllib3.request("GET", address, retries=patience).data
        finally:
            os.killpg(server.pid, signal.SIGTERM)
        assert f"Read it at {address}" in server.stdout.read()


def test_a_playwright_that_does_not_start_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "python").write_text("#!/bin/sh\necho 'node: libatomic.so.1: cannot open' >&2\nexit 127\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(browser.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(browser, "may_install", lambda: False)
    with pytest.raises(SystemExit, match=r"^Playwright does not start here \(node: lib.*apt install libatomic1.*again\.$"):
        browser.main()


def test_help_lists_the_verbs_and_ci_runs_what_the_readme_tells(folder):
    listed = [line.split()[1] for line in folder.run("make").stdout.splitlines()]
    assert listed == ["help", "serve", "book", "test", "outputs", "exercises", "grade", "binder", "benchmark", "links", "constraints", "clean"]
    commands = (ROOT / ".ci/run").read_text().splitlines()[-1:]
    assert commands == ["make test"] and "make test" in (ROOT / "README.md").read_text()


def pins(name):
    """The packages that a file lists, with their versions."""
    lines = [line.split("#")[0].strip().lower() for line in (ROOT / name).read_text().splitlines()]
    return {line for line in lines if line and not line.startswith("-")}


def test_lists_of_packages_agree_and_hold_on_every_machine():
    fixed = pins("constraints.txt")
    assert pins("requirements.txt") | pins("tests/requirements.txt") | pins(".binder/requirements.txt") <= fixed, "run `make constraints`"
    assert not [pin for pin in fixed if "+" in pin or "file:" in pin or "://" in pin]


def test_what_is_installed_agrees_with_the_lists():
    command = "-m uv pip install --dry-run --offline -c constraints.txt -r requirements.txt -r tests/requirements.txt --python"
    done = subprocess.run([sys.executable, *command.split(), sys.executable], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.endswith("Would make no changes\n"), done.stderr
