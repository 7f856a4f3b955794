"""The set-up and the make verbs, tried with made-up Pythons on a bare PATH; and the lists of packages agree."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.outputs import ROOT

COMMANDS = "sh awk cat cksum cp dirname grep make mkdir rm sed tail test touch".split()
FAKE_PYTHON = f"""#!/bin/sh
case "$*" in
    *ensurepip*) echo "VERSION ABLE $0" ;;
    *matplotlib*) ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "command = $0 -m venv $3" >"$3/pyvenv.cfg"; eval "$FAKE_VENV" ;;
    "-m pip install "*) echo "$*" >>pip-calls; eval "$FAKE_PIP" ;;
    "-m pip "*) ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""
NO_NETWORK = "echo 'WARNING: Retrying after connection broken by NewConnectionError'; echo 'ERROR: No matching distribution'; exit 1"


class Folder:
    """A copy of the project's set-up in a folder with a space in its name, and a PATH with little on it."""

    def __init__(self, tmp_path):
        self.bin, self.root = tmp_path / "bin", tmp_path / "the lab"
        self.bin.mkdir()
        for command in COMMANDS:
            (self.bin / command).symlink_to(shutil.which(command))
        for name in ("Makefile", "tools/setup.sh", "requirements.txt", "tests/requirements.txt", "constraints.txt"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)

    def python(self, name, version="3.12", able="able", script=FAKE_PYTHON):
        """Puts a made-up Python on the PATH."""
        self.script(self.bin / name, script.replace("VERSION", version).replace("ABLE", able))

    def script(self, path, text):
        """Writes a program."""
        path.write_text(text)
        path.chmod(0o755)

    def start(self, *command, **env):
        """Starts a command of the project, in a process group of its own."""
        env = {"PATH": str(self.bin), "HOME": str(self.root.parent), "FAKE_PIP": "", "FAKE_VENV": "", "BROKEN": "0", **env}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.root, env=env, text=True, stdout=pipe, stderr=pipe, start_new_session=True)

    def run(self, *command, **env):
        """Runs a command of the project to its end."""
        with self.start(*command, **env) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def setup(self, what="book", **env):
        """Runs tools/setup.sh."""
        return self.run("sh", "tools/setup.sh", what, **env)

    def installs(self):
        """How often pip was asked to install."""
        calls = self.root / "pip-calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    def refused(self, result, words):
        """One line says what is wrong and what to do, and nothing is left behind."""
        assert result.returncode != 0
        assert result.stderr.count("\n") == 1 and words in result.stderr, result.stderr
        assert not (self.root / ".venv").exists()


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_no_python(folder):
    folder.refused(folder.setup(), "This needs Python 3.11, 3.12 or 3.13. Install one")


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_python_of_another_age(folder, version):
    folder.python("python3", version)
    folder.refused(folder.setup(), f"(found only {version}: ")


def test_python_without_venv(folder):
    folder.python("python3", able="unable")
    folder.refused(folder.setup(), "apt install python3.12-venv")


def test_venv_fails(folder):
    folder.python("python3")
    folder.refused(folder.setup(FAKE_VENV="echo 'Error: disk quota'; exit 1"), "Could not make .venv: Error: disk quota")


@pytest.mark.parametrize(
    "pip, words",
    [
        (NO_NETWORK, "Check the network"),
        ("echo 'OSError: [Errno 28] No space left on device'; exit 1", "The disk is full"),
        ("echo 'ERROR: No matching distribution found for torch'; exit 1", "failed: No matching distribution found for torch"),
        ("kill -TERM 0; exec sleep 1", "Stopped before the set-up was done"),
    ],
)
def test_install_fails(folder, pip, words):
    folder.python("python3")
    folder.refused(folder.setup(FAKE_PIP=pip), words)


def test_skips_what_does_not_run_and_obeys_a_named_python(folder):
    folder.python("python3", "3.9")
    folder.python("python3.13", script="#!/bin/sh\necho 'shim: not installed' >&2\nexit 127\n")
    folder.python("python3.11", "3.11")
    result = folder.setup()
    assert (result.returncode, result.stderr) == (0, "") and "Python 3.11 " in result.stdout
    shutil.rmtree(folder.root / ".venv")
    folder.python("mine", "3.13")
    assert "Python 3.13 " in folder.setup(PYTHON="mine").stdout


def test_second_run_does_nothing(folder):
    folder.python("python3")
    assert "Installing" in folder.setup("tests").stdout
    for what in ("tests", "book"):
        result = folder.setup(what)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert folder.installs() == 1
    assert "-r requirements.txt -r tests/requirements.txt" in (folder.root / "pip-calls").read_text()


@pytest.mark.parametrize("changed", ["requirements.txt", "tests/requirements.txt", "constraints.txt"])
def test_working_environment_survives_a_failed_update(folder, changed):
    folder.python("python3")
    folder.setup("tests")
    file = folder.root / changed
    before = file.read_text()
    file.write_text(before + "# changed\n")
    result = folder.setup("tests", FAKE_PIP=NO_NETWORK)
    assert result.returncode != 0 and result.stderr.count("\n") == 1
    assert (folder.root / ".venv/bin/python").exists()
    file.write_text(before)  # Even so: pip may have stopped halfway.
    assert folder.setup("tests").returncode == 0 and folder.installs() == 3


def test_moved_or_broken_environment_is_made_again(folder):
    folder.python("python3")
    folder.setup()
    folder.root = folder.root.rename(folder.root.with_name("moved"))
    assert "Making .venv" in folder.setup().stdout
    (folder.root / ".venv/bin/python").unlink()
    (folder.root / ".venv/bin/python").symlink_to("/no/such/python")
    assert "Making .venv" in folder.setup().stdout
    assert folder.setup().stdout == ""


@pytest.fixture
def book(folder):
    """The folder with a book, and a builder that tells when it finds pages built before."""
    folder.python("python3")
    folder.setup()
    (folder.root / "book").mkdir()
    for name in ("_config.yml", "_toc.yml", "book/book.py"):
        (folder.root / name).touch()
    script = "#!/bin/sh\nmkdir -p _build/html; test ! -f _build/html/page || echo again >&2; touch _build/html/page; exit $BROKEN\n"
    folder.script(folder.root / ".venv/bin/jupyter-book", script)
    return folder


def test_book_starts_afresh_after_a_failure_or_a_change_of_dress(book):
    first, second = book.run("make", "book"), book.run("make", "book")
    assert (first.stderr, second.stderr) == ("", "again\n")
    assert second.stdout.splitlines()[-1] == "The book is ready: _build/html/index.html"

    failed = book.run("make", "book", BROKEN="1")
    assert failed.returncode != 0 and "ready" not in failed.stdout
    assert book.run("make", "book").stderr == ""

    for path in book.root.rglob("*"):
        os.utime(path, (0, 0))
    for changed in ("book/book.py", "_config.yml"):
        os.utime(book.root / "_build/sound", (1, 1))
        assert book.run("make", "book").stderr == "again\n"
        os.utime(book.root / "_build/sound", (1, 1))
        os.utime(book.root / changed, (2, 2))
        assert book.run("make", "book").stderr == ""
        os.utime(book.root / changed, (0, 0))


def test_serve_shows_the_book(book):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with book.start("make", "serve", f"PORT={port}") as server:
        try:
            assert any(f"http://127.0.0.1:{port}/" in line for line in server.stdout)
            for _ in range(600):  # It says so just before it listens.
                try:
                    connection = HTTPConnection("127.0.0.1", port, timeout=30)
                    connection.request("GET", "/")
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            assert b"page" in connection.getresponse().read()
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def test_serve_names_a_busy_port(book):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = book.run("make", "serve", f"PORT={port}")
    ours, makes = result.stderr.splitlines()
    assert ours == f"Port {port} is taken or no port number. Try: make serve PORT=8001"
    assert makes.startswith("make: ***") and result.returncode != 0


def test_help_lists_the_verbs(folder):
    listed = [line.split()[1] for line in folder.run("make").stdout.splitlines()]
    assert listed == ["help", "serve", "book", "test", "outputs", "constraints", "clean"]


def test_ci_runs_what_the_readme_tells():
    commands = (ROOT / ".ci/run").read_text().splitlines()[-1:]
    assert commands == ["make test"] and "make test" in (ROOT / "README.md").read_text()


def pins(name):
    """The requirements in a file."""
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line.split("#")[0]) for line in lines if line and line[0] not in "#-"]


def constraints():
    """The versions that constraints.txt allows here, by name."""
    chosen = [pin for pin in pins("constraints.txt") if not pin.marker or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): pin.specifier for pin in chosen}


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt", ".binder/requirements.txt"])
def test_pins_agree_with_constraints(name):
    allowed = constraints()
    for pin in pins(name):
        if name.startswith(".binder") and pin.name == "jupyterlab":
            continue  # Only Binder needs it.
        assert pin.specifier == allowed.get(canonicalize_name(pin.name)), f"{name}: {pin}. Run `make constraints`"


def test_installed_versions_agree_with_constraints():
    for name, allowed in constraints().items():
        try:
            assert allowed.contains(version(name), prereleases=True), f"{name} {version(name)} is not {allowed}"
        except PackageNotFoundError:
            pass  # Another machine's package, as CUDA's are.


def test_constraints_hold_everywhere():
    text = (ROOT / "constraints.txt").read_text()
    assert not [mark for mark in ("+", "file:", "://") if mark in text]
