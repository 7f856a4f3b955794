"""What the grader makes of right, blank, broken and hostile submissions; each hostile one is contained or flagged."""

import base64
import copy
import csv
import io
import json
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from unittest.mock import MagicMock

import nbformat
import psutil
import pytest
import torch

from tests import test_answers
from tests.small_course import NAME, OTHER, RELEASES, SOLUTIONS
from tests.test_exercises import cell
from tools.grading import __main__ as grading
from tools.grading import carrying, sandbox, submission
from tools.grading.sandbox import LIMITS, refusal
from tools.outputs import ROOT

RELEASE = RELEASES[NAME]
ANSWERS = {cell.id: cell.source for cell in SOLUTIONS[NAME].cells if cell.id.endswith("-answer")}
SMALL = {"memory": 1200 * 2**20, "processes": 60, "output": 2**20, "folder": 30 * 2**20, "cell": 8, "total": 50}
SLEEP = str(90_000 + os.getpid())  # seconds, by which this run's process is known


@pytest.fixture(scope="module", autouse=True)
def course(tmp_path_factory):
    """The small exercises in the place of the real ones."""
    root = tmp_path_factory.mktemp("course")
    (root / "exercises").mkdir()
    for name, release in RELEASES.items():
        nbformat.write(release, root / f"exercises/{name}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "ROOT", root)
        yield root


def run_with(course, *before):
    """A command that runs the grader on a folder, with the small exercises."""
    lines = ["import os, pathlib, runpy, signal, tools.outputs", f"tools.outputs.ROOT = pathlib.Path({str(course)!r})", *before]
    return [sys.executable, "-c", "\n".join([*lines, "runpy.run_module('tools.grading', run_name='__main__')"])]


def answered(**changes):
    """The exercise with right answers, and with other sources for some cells, or more cells in front of the first answer."""
    notebook = copy.deepcopy(RELEASE)
    for name, source in (ANSWERS | {name.replace("_", "-"): source for name, source in changes.items() if name != "first"}).items():
        cell(notebook, name).source = source
    if "first" in changes:
        notebook.cells.insert(5, nbformat.v4.new_code_cell(changes["first"], id="first"))
    return notebook


def hand_in(folder, student, notebook, name=NAME):
    path = folder / student / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook if isinstance(notebook, str) else nbformat.writes(notebook), encoding="utf-8")
    return path


def graded(folder, **options):
    """The rows of grades.csv after a run, by student and notebook."""
    assert not grading.main(folder, **options)
    with open(folder.with_name(f"{folder.name}-graded") / "grades.csv", newline="", encoding="utf-8-sig") as file:
        return {(row["student"], row["notebook"]): row for row in csv.DictReader(file)}


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sandboxed():
    """Where there is no sandbox, these tests are skipped with one clear line, in the forge's CI they fail; the refusal itself is tested everywhere."""
    os.environ.pop("GITHUB_STEP_SUMMARY", None)  # no made-up class in the summary of this job
    if sys.platform != "linux":
        pytest.skip("bubblewrap is for Linux")
    if why := refusal():
        pytest.fail(why, pytrace=False) if os.environ.get("GITHUB_ACTIONS") else pytest.skip(why)


def test_without_a_sandbox_nothing_runs_and_one_line_says_what_to_do(tmp_path, monkeypatch):
    hand_in(tmp_path / "class", "ada", answered())
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    why = grading.main(tmp_path / "class")
    assert "\n" not in why and "UNSAFE=1" in why and ("apt install bubblewrap" in why or sys.platform != "linux")
    assert not (tmp_path / "class-graded").exists()
    if sys.platform == "linux":
        monkeypatch.undo()
        monkeypatch.setattr(sandbox, "wrap", lambda command, folder: ["sh", "-c", "echo 'bwrap: No permissions' >&2; exit 1"])
        assert "(bwrap: No permissions): allow it user namespaces" in refusal() or not shutil.which("bwrap")


def test_told_so_it_grades_without_a_sandbox(tmp_path, capsys):
    hand_in(tmp_path / "class", "ada", answered())
    hand_in(tmp_path, "class", answered(), "loose")
    assert graded(tmp_path / "class", unsafe=True)["ada", NAME]["score"] == "4.0"
    assert "In no student's folder, and left out: loose.ipynb." in capsys.readouterr().out


def test_a_wrong_folder_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    assert grading.main(tmp_path / "gone", unsafe=True).startswith("There is no folder gone: name the one")
    assert grading.main(tmp_path / "empty", unsafe=True) == "empty holds no student's folder: make one for each student, and put the notebooks in them."
    assert grading.main(tmp_path / "empty", unsafe=True, lessons="1 77").startswith("No exercises belong to a lesson 77: ")
    for arguments, words in (([], "Name the folder"), (["x"], "JOBS is a whole number")):
        done = subprocess.run([sys.executable, "-m", "tools.grading", *arguments], cwd=ROOT, env={**os.environ, "JOBS": "two"}, capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith(words) and done.stderr.count("\n") == 1


def test_only_the_lessons_asked_for_are_expected_and_graded(tmp_path, capsys):
    other = nbformat.writes(RELEASES[OTHER])
    hand_in(tmp_path / "class", "ada", answered())
    hand_in(tmp_path / "class", "bo", other, "last-week")
    assert {key: row["score"] for key, row in graded(tmp_path / "class", unsafe=True, lessons="1").items()} == {("ada", NAME): "4.0", ("bo", NAME): "0.0"}
    assert "bo/last-week.ipynb belongs to another lesson, and is left out." in capsys.readouterr().out
    hand_in(tmp_path / "class", "cy", RELEASE)
    assert graded(tmp_path / "class", unsafe=True)["cy", NAME]["score"] == "0.0" and len(everything(tmp_path / "class-graded/feedback")) == 6
    shutil.rmtree(tmp_path / "class/cy")
    (tmp_path / "class/bo/last-week.ipynb").rename(tmp_path / "class/bo/last-week.ipynb.txt")  # as browsers may save it
    (tmp_path / "class/ada/answers.zip").write_text("PK")
    rows = graded(tmp_path / "class", unsafe=True, lessons="3")
    assert rows["ada", OTHER]["remark"] == "It is missing: nothing was handed in that holds this exercise. What could not be read: answers.zip."
    assert not (tmp_path / "class-graded/feedback/cy").exists()
    pages = everything(tmp_path / "class-graded/feedback")
    assert sorted(path.as_posix() for path in pages) == [f"{student}/exercises/{OTHER}.html" for student in ("ada", "bo")]
    assert "belongs to another lesson" in (tmp_path / "class-graded/summary.md").read_text(encoding="utf-8")


def broken():
    """Submissions that are wrong in themselves: the points, and words of the remark."""
    def changed(change):
        change(notebook := answered())
        return notebook

    def old(notebook):
        check = cell(notebook, "write-slide-check")
        check.source = "# An older check.\n" + check.source
        check.metadata.nbgrader.checksum = submission.compute_checksum(check)

    def copied(notebook):
        twin = copy.deepcopy(cell(notebook, "write-slide-answer"))
        notebook.cells.insert(8, nbformat.from_dict(twin | {"source": "def slide(image, kernel):\n    return 0", "id": "twin"}))

    def split(notebook):
        answer = cell(notebook, "predict-dot-answer")
        answer.source, rest = answer.source.split("edge_row = ", 1)
        notebook.cells.insert(notebook.cells.index(answer) + 1, nbformat.from_dict(answer | {"id": "part", "source": "edge_row = " + rest}))

    def emptied(notebook):
        cell(notebook, "predict-dot-check").source = "print('Right.')"
        cell(notebook, "predict-dot-answer").source = "dot_output = edge_row = 0"

    yield "right", answered(), 4, ""
    yield "blank", RELEASE, 0, ""
    yield "cut", nbformat.writes(answered())[:5000], 0, "not a notebook that can be read"
    yield "odd", changed(lambda nb: [one.metadata.update(nbgrader={"checksum": 1, "points": "x"}) for one in nb.cells]), 4, "another release"
    yield "list", "[]", 0, "not a notebook that can be read"
    yield "strange", '{"cells": [7], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', 0, "not a notebook that can be read"
    yield "lesson", min(ROOT.glob("lessons/*.ipynb")).read_text(encoding="utf-8"), 0, "no exercise of this course"
    yield "old", changed(old), 4, "another release"
    yield "copied", changed(copied), 4, "write-slide-answer is there more than once"
    yield "split", changed(split), 4, "predict-dot-answer is there more than once"
    yield "edited", changed(emptied), 3, "edited, and restored: predict-dot-check"
    yield "deleted", changed(lambda nb: nb.cells.remove(cell(nb, "debug-weights-check"))), 4, "put back: debug-weights-check"
    yield "bare", changed(lambda nb: [nb.cells.remove(cell(nb, f"write-slide-{part}")) for part in ("check", "picture")]), 4, "put back: write-slide-picture, write-slide-check."
    yield "unanswered", changed(lambda nb: nb.cells.remove(cell(nb, "debug-weights-answer"))), 3, "put back: debug-weights-answer"
    yield "words", changed(lambda nb: cell(nb, "predict-dot-answer").update(cell_type="markdown")), 4, "was no code cell"
    yield "error", answered(write_slide_answer="def slide(image kernel):"), 3, ""
    yield "stripped", changed(lambda nb: [one.metadata.pop("nbgrader", 0) for one in nb.cells]), 4, ""
    yield "module", answered(design_kernel_answer="my_kernel = type('Mine', (nn.Module,), {})()"), 3, "design-kernel-check counts 0 until a person looks"


BROKEN = list(broken())


@pytest.fixture(scope="module")
def merely_broken(sandboxed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken") / "class"
    for student, notebook, *_ in BROKEN:
        path = hand_in(folder, student, notebook)
        if isinstance(notebook, nbformat.NotebookNode) and student == "words":
            text = json.loads(path.read_text(encoding="utf-8"))
            for one in text["cells"]:
                if one["cell_type"] == "markdown":
                    one.pop("outputs", None), one.pop("execution_count", None)
            path.write_text(json.dumps(text), encoding="utf-8")
    (folder / "nothing").mkdir()
    hand_in(folder, "both", answered())
    hand_in(folder, "both", answered(), f"{NAME} (1)")
    hand_in(folder, "both", answered(), f"{NAME} (2)")
    (folder / "link").mkdir()
    (folder / f"link/{NAME}.ipynb").symlink_to(min(ROOT.glob("solutions/*.ipynb")))
    return folder, graded(folder)


@pytest.mark.parametrize(("student", "points", "words"), [(student, points, words) for student, _, points, words in BROKEN] + [
    ("nothing", 0, "It is missing"), ("both", 0, "More than one file"), ("link", 0, "a link, not a file")])
def test_a_broken_submission_gets_its_sentence_and_the_rest_go_on(merely_broken, student, points, words):
    row = merely_broken[1][student, NAME]
    assert (float(row["score"]), float(row["maximum"])) == (points, 4), row
    assert words in row["remark"] and bool(words) == bool(row["remark"])


def test_what_is_put_back_stands_where_it_stood(merely_broken):
    assert "did not pass" not in "".join(row["remark"] for row in merely_broken[1].values())


def test_one_question_of_a_notebook_tells_which_notebook_it_is():
    releases = {path.stem: nbformat.read(path, as_version=4) for path in ROOT.glob("exercises/*.ipynb")}
    for name, release in releases.items():
        for task in (one.id.removesuffix("answer") for one in release.cells if one.id.endswith("-answer")):
            alone = nbformat.v4.new_notebook(cells=[one for one in release.cells if f"{one.id}-".startswith(task)])
            assert submission.recognise(alone, releases) == name, task


def test_feedback_shows_each_check_and_nbgrader_reads_what_was_graded(merely_broken):
    output = merely_broken[0].with_name("class-graded")
    page = (output / f"feedback/edited/exercises/{NAME}.html").read_text(encoding="utf-8")
    assert "(Score: 3.0 / 4.0)" in page and "restored: predict-dot-check" in page and "is not right" in page and "<script" not in page and submission.POLICY in page
    notebook = nbformat.read(output / f"autograded/edited/exercises/{NAME}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert submission.score(notebook) == 3


def test_only_what_changed_runs_again(merely_broken, capsys, monkeypatch, tmp_path):
    folder, before = merely_broken
    files = everything(folder.with_name("class-graded"))
    assert graded(folder) == before and everything(folder.with_name("class-graded")) == files
    hand_in(folder, "blank", answered())
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    capsys.readouterr()
    assert graded(folder)["blank", NAME]["score"] == "4.0"
    assert "1 of 1: blank" in capsys.readouterr().out
    assert f"| blank | {NAME} | 4.0 | 4.0 |  |" in (tmp_path / "summary").read_text(encoding="utf-8")


PATCHES = {
    "assert": "class Calm(type(NotYet)): pass\ndef require(*given): pass\ntorch.allclose = lambda *given, **named: True\ntorch.equal = torch.allclose",
    "compare": "compare = expect = require = lambda *given, **named: None",
    "check": "check = lambda test: print('Right.', test.__name__) or test",
    "error": "NotYet.__init__ = lambda self, *given: (_ for _ in ()).throw(SystemExit)\nNotYet._render_traceback_ = lambda self: ['Right.']",
    "tree": """import ast
class Strip(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        return ast.parse('print("Right.")').body[0] if node.name.startswith('check_') else node
get_ipython().ast_transformers.append(Strip())""",
    "input": "get_ipython().input_transformers_cleanup.append(lambda lines: ['print(\"Right.\")\\n'] if lines[0].startswith('# Check') else lines)",
    "run": "get_ipython().run_cell = lambda *given, **named: type('R', (), {'success': True, 'result': None, 'execution_count': 1})()",
    "reply": """shell = get_ipython()
shell.showtraceback = lambda *given, **named: print('Right.')
shell.display_pub.publish({'text/latex': '<img src=x onerror=alert(1)>', 'text/html': '<script>alert(1)</script><b onclick="alert(1)">Right.</b>'})""",
    "equal": """class Right(float):
    __eq__ = lambda *given: True
    tolist = lambda self: [[4, 3], [2, 1]]
dot_output = edge_row = Right()""",
}
WRONG = {"predict_dot_answer": "dot_output = edge_row = 1", "write_slide_answer": "def slide(image, kernel):\n    return 1",
         "debug_weights_answer": "def edge_map(image, kernel):\n    return 1", "design_kernel_answer": "my_kernel = 1"}


def hostile(port):
    """Submissions that attack: their notebook, the points they get, words of the remark or of the output of the attack's own cell."""
    for name, patch in PATCHES.items():
        again = {key: f"{source}\n{patch}" for key, source in WRONG.items()}
        yield f"patch-{name}", answered(**again), 0, "" if name in ("run", "equal", "error") else "in the student's own process only"
    spy = f"""import os, sys
for path in ({str(ROOT)!r} + '/solutions', {str(ROOT)!r} + '/exercises', os.path.expanduser('~root'), '/home', '/class', '/etc/passwd', '/run'):
    print(path, os.path.exists(path) and os.listdir(path))
found = []
for path, folders, names in os.walk('/'):
    found += [path] * any(name.endswith('.ipynb') for name in names)  # not in the system and its packages, which take many seconds
    folders[:] = [name for name in folders if os.path.join(path, name) not in ('/proc', '/sys', '/usr', sys.prefix, sys.base_prefix)]
print('found', found, 'user', os.getuid() == 0)"""
    yield "read", answered(first=spy), 4, "found [] user False"
    write = f"""import os, sys
for folder in ({str(ROOT)!r}, sys.prefix, sys.base_prefix, '/', '/usr', '/etc', '/dev', os.environ.get('OUT', '/var')):
    try:
        open(folder + '/written-by-a-student', 'w')
        print('WROTE', folder)
    except OSError:
        pass
print('tried')"""
    yield "write", answered(first=write), 4, "tried"
    call = f"""import socket
for host, port in (('127.0.0.1', {port}), ('1.1.1.1', 53)):
    try:
        socket.create_connection((host, port), 2)
        print('REACHED', host)
    except OSError as error:
        print(error.strerror)"""
    yield "network", answered(first=call), 4, "refused"
    yield "loop", answered(first="while True: pass"), 4, "were stopped: first"
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    yield "deaf-loop", answered(first=deaf), 0, f"It ran longer than {SMALL['total']} seconds"
    yield "slow-answer", answered(write_slide_answer="def slide(image, kernel):\n    while True: pass"), 3, f"took longer than {SMALL['cell']} seconds"
    yield "memory", answered(first="hoard = bytearray(2 * 10**9)"), 4, "MemoryError"
    many = "import os, time\nfor _ in range(4):\n    if not os.fork():\n        hoard = b'x' * 250_000_000\n        time.sleep(60)\n        os._exit(0)\ntime.sleep(10)"
    yield "memory-of-many", answered(first=many), 0, f"more than {SMALL['memory'] // 2**20} MB of memory"
    fork = "import os, time\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(1)"
    yield "fork-bomb", answered(first=fork), 0, "count 0"
    yield "output", answered(first="while True: print('x' * 10_000, flush=True)"), 0, "printed more than 1 MB"
    yield "gigabytes", answered(first="while True: print('x' * 100_000)"), None, ""
    yield "disk", answered(first="for number in range(9):\n    open(f'/tmp/{number}', 'wb').write(b'x' * 10**7)"), 4, "No space left"
    stay = f"import subprocess\nprint('left', subprocess.Popen(['sleep', '{SLEEP}'], start_new_session=True).pid > 0)"
    yield "stay", answered(first=stay), 4, "left True"
    yield "exit", answered(debug_weights_answer="import os\nos._exit(0)"), 2, "Its kernel ended"
    yield "kill", answered(debug_weights_answer="import os\nos.kill(-1, 9)"), 3, ""
    yield "huge", answered(predict_dot_answer="dot_output = torch.zeros(1).expand(10**6, 10**6)\nedge_row = 1"), 3, ""
    yield "=formula", answered(), 4, ""


@pytest.fixture(scope="module")
def attacked(sandboxed, tmp_path_factory):
    """A class of hostile students and an honest one, whose results were there before; and what a service on this machine heard."""
    folder = tmp_path_factory.mktemp("hostile") / "class"
    heard, server = [], socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: [heard.append(server.accept()) for _ in iter(int, 1)], daemon=True).start()
    hand_in(folder, "honest", answered())
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in SMALL.items():
            patch.setitem(LIMITS, name, limit)
        graded(folder)
        output = folder.with_name("class-graded")
        before = {path: data for path, data in everything(output).items() if "honest" in path.parts}
        for student, notebook, *_ in hostile(server.getsockname()[1]):
            hand_in(folder, student, notebook)
        rows = graded(folder, at_once=4)  # most of them wait for a limit
    return output, rows, before, heard


HOSTILE = [(student, points, words) for student, _, points, words in hostile(0)]


@pytest.mark.parametrize(("student", "points", "words"), HOSTILE)
def test_a_hostile_submission_is_contained_or_flagged(attacked, student, points, words):
    output, rows, _, _ = attacked
    row = rows[f"'{student}" if student.startswith("=") else student, NAME]
    said = row["remark"]
    if (path := output / f"autograded/{student}/exercises/{NAME}.ipynb").exists():
        said += "".join(str(one.outputs) for one in nbformat.read(path, as_version=4).cells if one.id == "first")
    assert points is None or float(row["score"]) == points, row
    assert words in said and "WROTE" not in said and "REACHED" not in said, said


def test_hostile_submissions_leave_nothing_behind(attacked):
    output, _, before, heard = attacked
    assert len(before) == 3 and {path: data for path, data in everything(output).items() if "honest" in path.parts} == before
    assert heard == [] and not list(ROOT.glob("**/written-by-a-student"))
    assert max(path.stat().st_size for path in output.rglob("*")) < 3 * 2**20
    page = (output / f"feedback/patch-reply/exercises/{NAME}.html").read_text(encoding="utf-8")
    assert "Right." in page and "<script" not in page and "<b onclick" not in page and "<img" not in page
    time.sleep(1)
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", SLEEP] not in commands
    assert not [word for command in commands for word in command if "/grade-" in word and word.endswith("connection.json") and not os.path.exists(word)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_where_it_was(sandboxed, course, tmp_path, how):
    folder = tmp_path / "class"
    for student in ("ada", "bo", "cy"):
        hand_in(folder, student, answered())
    command = [*run_with(course), folder]
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs would not hear Ctrl-C
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "JOBS": "1"}, stdout=subprocess.PIPE, text=True, preexec_fn=heard) as run:
        while not run.stdout.readline().startswith("1 of 3"):
            pass
        time.sleep(0.5)
        run.send_signal(how)
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "JOBS": "2"}, capture_output=True, text=True)
    assert done.returncode == 0 and re.search("3 notebooks, [12] of them graded before", done.stdout)
    assert [row["score"] for row in graded(folder).values()] == ["4.0"] * 3


def test_ctrl_c_stops_it_in_the_middle_of_a_fork_too(course, tmp_path):
    hand_in(tmp_path / "class", "ada", answered())
    command = run_with(course, "signal.signal(signal.SIGINT, signal.default_int_handler)",
                       "os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))")
    done = subprocess.run([*command, tmp_path / "class"], cwd=ROOT, env={**os.environ, "UNSAFE": "1"}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "Stopped. The same command goes on where it was.\n")


@pytest.mark.parametrize("name", test_answers.NOTEBOOKS)
def test_the_checks_outside_accept_every_solution_and_refuse_every_blank(name):
    release, solution = (nbformat.read(ROOT / f"{folder}/{name}.ipynb", as_version=4) for folder in ("exercises", "solutions"))
    for notebook, right in ((solution, True), (release, False)):
        variables = {"__name__": "__main__", "get_ipython": MagicMock()}
        checker = submission.Checker(release, lambda *asked, variables=variables: carrying.fetch(variables, *asked))
        for one in (one for one in notebook.cells if one.cell_type == "code" and "solution" not in one.metadata.get("tags", [])):
            test_answers.execute(one.source, variables)
            if one.id.endswith("-check"):
                assert ("ename" not in checker.check(one.id)) is right, one.id


@pytest.mark.parametrize("value", [None, ..., [1, 2.5, "a", (True, ...)], {"a": [1]}, 10**30, float("inf")])
def test_plain_values_are_carried_as_they_are(value):
    assert carrying.unpack(carrying.pack(value)) == value


def test_nothing_that_is_more_than_data_is_carried():
    for evil in (os.system, {"a": lambda: 0}, type("Mine", (torch.nn.Module,), {})()):
        with pytest.raises(TypeError):
            carrying.pack(evil)
    hidden = torch.nn.Sequential(torch.nn.ReLU())
    hidden.__dict__["parameters"] = torch.nn.ReLU()
    file = io.BytesIO()
    torch.save(hidden, file)
    for letters in (base64.b64encode(file.getvalue()).decode(), base64.b64encode(pickle.dumps(os.system, protocol=2)).decode(), "?"):
        with pytest.raises(carrying.Undecided):
            carrying.unpack(letters)
