"""One submission: what is wrong with the file, its cells beside those of the release, the run, and the score.

The student's cells run in a kernel in a sandbox. The checks that count run here, in cells of the release alone, and get the answers as plain
data (tools/grading/carrying.py). So nothing that a submission does to its own process can change a score."""

import ast
import contextlib
import copy
import io
import os
import queue
import re
import subprocess
import time
import traceback
from pathlib import Path
from unittest.mock import MagicMock

import matplotlib.pyplot
import nbformat
from bs4 import BeautifulSoup
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbgrader.converters import GenerateFeedback
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_locked, is_solution

from tools.grading import carrying
from tools.grading.sandbox import LIMITS, MEGABYTE, Kernels

BRIDGE = f"""import sys, types
sys.modules["carrying"] = types.ModuleType("carrying")
exec({Path(carrying.__file__).read_text(encoding="utf-8")!r}, vars(sys.modules["carrying"]))"""
LARGEST = 20 * MEGABYTE
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # a browser runs and fetches nothing


class Unfit(Exception):
    """Says in one sentence why a file cannot be graded."""


class NoAnswer(BaseException):
    """The student's kernel gave no answer; no check catches it as if it were a slip."""


def place(cell):
    """What a cell is called in the release: its grade_id or, where an editor dropped that, its id."""
    return (cell.metadata.get("nbgrader") or {}).get("grade_id") or cell.get("id")


def read(path):
    """The notebook in a file; Unfit where there is none."""
    if path.is_symlink() or not path.is_file():
        raise Unfit("It is a link, not a file: ask for the notebook itself.")
    if path.stat().st_size > LARGEST:
        raise Unfit(f"It is larger than {LARGEST // MEGABYTE} MB: ask for a copy without its outputs.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        notebook = nbformat.reads(text, as_version=4)
        for cell in notebook.cells:
            hash(place(cell)), cell.source, cell.cell_type
        nbformat.validate(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, nbformat.ValidationError):
        raise Unfit("It is not a notebook that can be read, perhaps cut short: ask for it again.") from None
    return notebook


def recognise(notebook, releases):
    """The name of the exercise whose answer cells a notebook holds; Unfit where it holds none."""
    held = {place(cell): cell.source for cell in notebook.cells}
    shared = {name: (sum(is_solution(cell) and place(cell) in held for cell in release.cells),
                     sum(held.get(place(cell)) == cell.source for cell in release.cells)) for name, release in releases.items()}
    best = max(shared, key=shared.get)
    if not shared[best][0]:
        raise Unfit("It holds no exercise of this course: ask for the notebook from the exercises.")
    return best


def unedited(cell, own):
    """Whether a cell is as some release made it, by the checksum in its own metadata."""
    try:
        return own["checksum"] == compute_checksum(nbformat.from_dict(cell | {"metadata": {"nbgrader": own}}))
    except (KeyError, TypeError, ValueError):
        return False


def merge(notebook, release):
    """The submission with the release's own checks in it, as nbgrader would store it, and a sentence for each thing that was put right."""
    known = {place(cell): cell for cell in release.cells if cell.cell_type == "code"}
    cells, seen, remarks, old, edited = [], set(), [], False, []
    for cell in reversed(copy.deepcopy(notebook.cells)):  # of copies nbgrader keeps the last
        name, own = place(cell), cell.metadata.pop("nbgrader", None)
        cell.metadata.pop("tags", None)
        if name in known and name in seen:
            remarks.append(f"Cell {name} is there more than once: all copies ran, and the last counts.")
        elif name in known:
            seen.add(name)
            ours = copy.deepcopy(known[name])
            if is_locked(ours) and cell.source != ours.source:
                earlier = unedited(cell, own)
                old, edited = old or earlier, edited if earlier else [name, *edited]
            elif cell.cell_type != ours.cell_type:
                remarks.append(f"Cell {name} was no code cell any more: it ran as one.")
            if not is_locked(ours):
                ours.source = cell.source
            cell = ours
        elif own:
            old = True
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cells.insert(0, cell)
    lost = [name for name in known if name not in seen]
    for name in lost:
        before = [place(cell) for cell in release.cells[:release.cells.index(known[name])]]
        spot = max((number for number, cell in enumerate(cells, start=1) if place(cell) in before), default=0)
        cells.insert(spot, copy.deepcopy(known[name]))
    remarks += [f"Check cells were edited, and restored: {', '.join(edited)}."] if edited else []
    remarks += [f"Cells were missing, and put back: {', '.join(lost)}."] if lost else []
    remarks += ["It was made from another release: the checks of this one ran."] if old else []
    names = set()
    for number, cell in enumerate(cells):  # a copied cell has its original's id
        cell.id = cell.id if cell.get("id") and cell.id not in names else f"cell-{number}"
        names.add(cell.id)
    return nbformat.v4.new_notebook(cells=cells, metadata=release.metadata), list(dict.fromkeys(remarks))


def bound(source):
    """The names that an answer cell of the release defines."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.Assign):
            yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))


def failed(kind, words):
    """The output of a check that does not count."""
    return nbformat.v4.new_output("error", ename=kind, evalue=words, traceback=[words])


class Checker:
    """The cells of a release, run in this process with stand-ins for the answers."""

    def __init__(self, release, ask):
        self.cells, self.ask = [cell for cell in release.cells if cell.cell_type == "code"], ask
        self.done, self.hidden = set(), {}
        self.variables = {"__name__": "__main__", "get_ipython": MagicMock()}

    def execute(self, cell):
        exec(compile(TransformerManager().transform_cell(cell.source), f"<{place(cell)}>", "exec"), self.variables)

    def prepare(self, cell):
        """Run a cell that is no check, or bind what an answer cell defines to the student's own."""
        self.done.add(place(cell))
        if not is_solution(cell):
            with contextlib.suppress(Exception):  # a picture of a missing answer
                self.execute(cell)
            if place(cell) == "drawing":
                self.variables["draw"] = lambda *parts, **settings: None
            matplotlib.pyplot.close("all")
        for name in bound(cell.source) if is_solution(cell) else ():
            self.variables.pop(name, None)
            try:
                self.variables[name] = carrying.stand_in(name, self.ask)
            except KeyError:
                pass  # the student's notebook does not define it either
            except carrying.Undecided as error:
                self.hidden[name] = error

    def check(self, name):
        """The output of one check, after what stands before it in the release."""
        said, end = io.StringIO(), [place(cell) for cell in self.cells].index(name)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            try:
                for cell in self.cells[:end]:
                    if not is_grade(cell) and place(cell) not in self.done:
                        self.prepare(cell)
                for error in [error for hidden, error in self.hidden.items() if re.search(rf"\b{hidden}\b", self.cells[end].source)]:
                    raise error
                self.execute(self.cells[end])
            except (Exception, carrying.Undecided, NoAnswer) as error:
                kind = type(error).__name__
                plainly = kind in ("NotYet", "Undecided", "NoAnswer")
                return failed(kind, str(error) if plainly else "".join(traceback.format_exception_only(error)).strip())
        return nbformat.v4.new_output("stream", text=said.getvalue())


class Student(NotebookClient):
    """The kernel of a submission, and what it may send."""

    def __init__(self, notebook, kernels):
        super().__init__(notebook, km=kernels, timeout=LIMITS["cell"], interrupt_on_timeout=True, allow_errors=True, coalesce_streams=True,
                         store_widget_state=False, startup_timeout=60, iopub_timeout=10, raise_on_iopub_timeout=True)
        self.received, self.slow = 0, []
        self.log.disabled = True  # what it says is in the remarks

    def process_message(self, msg, cell, cell_index):
        self.received += len(str(msg["content"]))
        if self.received > LIMITS["output"]:
            self.km.end(f"It printed more than {LIMITS['output'] // MEGABYTE} MB.")
            raise DeadKernelError
        return super().process_message(msg, cell, cell_index)

    async def _async_handle_timeout(self, timeout, cell=None):
        self.slow.append(place(cell))
        return await super()._async_handle_timeout(timeout, cell)

    async def reply(self, code, limit, **options):
        """What the kernel replies to code within some seconds; NoAnswer where it does not."""
        message = self.kc.execute(code, store_history=False, silent=True, **options)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                reply = await ensure_async(self.kc.get_shell_msg(timeout=1))
                if reply["parent_header"].get("msg_id") == message:
                    return reply["content"]
            if self.km.ended or not await ensure_async(self.km.is_alive()):
                raise NoAnswer("The kernel ended before this check.")
        await ensure_async(self.km.interrupt_kernel())
        raise NoAnswer(f"The answer took longer than {limit} seconds.")

    def ask(self, name, letters):
        """What carrying.fetch finds in the student's kernel."""
        expression = f"__import__('sys').modules['carrying'].fetch(get_ipython().user_ns, {name!r}, {letters!r})"
        found = run_sync(self.reply)("", LIMITS["cell"], user_expressions={"found": expression})
        try:
            kind, letters = ast.literal_eval(found["user_expressions"]["found"]["data"]["text/plain"])
            return str(kind), str(letters)
        except (KeyError, TypeError, ValueError, SyntaxError, RecursionError, MemoryError):
            return "strange", ""


def run(notebook, release, folder, unsafe):
    """Run a merged submission, in place; its checks get the outputs of the checks outside. Returns sentences for a person."""
    kernels = Kernels(folder, unsafe)
    kernels.guard(os.getppid())
    student, remarks = Student(notebook, kernels), []
    checker = Checker(release, student.ask)
    verdicts = {place(cell): failed("NotRun", "This check was not reached.") for cell in notebook.cells if is_grade(cell)}
    try:
        with student.setup_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            os.chmod(folder, 0o755)  # its sockets are there: nothing more belongs in it
            run_sync(student.reply)(BRIDGE, 60)  # it imports PyTorch
            for number, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    student.execute_cell(cell, number)
                if is_grade(cell):
                    verdict = verdicts[place(cell)] = checker.check(place(cell))
                    kind, passed_inside = verdict.get("ename"), not any("ename" in output for output in cell.outputs)
                    if kind == "Undecided":
                        remarks.append(f"{place(cell)} counts 0 until a person looks: {verdict.evalue}.")
                    elif kind == "NoAnswer":
                        remarks.append(f"{place(cell)}: {verdict.evalue}")
                    elif kind and passed_inside:
                        remarks.append(f"{place(cell)} counts 0 until a person looks: it passed in the student's own process only, as after tampering.")
                    elif not kind and not passed_inside:
                        remarks.append(f"{place(cell)} counts, though in the student's own process it did not pass: a cell may have changed what the check uses, or may lack it.")
            kernels.end("done")
    except CellTimeoutError:
        kernels.end("It printed too much, or broke the way its output takes.")
    except (DeadKernelError, NoAnswer, RuntimeError):
        kernels.end("Its kernel ended: a cell left Python, or met a limit.")
    finally:
        kernels.end("done")
    for cell in notebook.cells:
        if is_grade(cell):
            cell.outputs = [verdicts[place(cell)]]
    if student.slow:
        remarks.insert(0, f"Cells ran longer than {LIMITS['cell']} seconds and were stopped: {', '.join(map(str, student.slow))}.")
    return remarks if kernels.ended == "done" else [*remarks, f"{kernels.ended} The checks from there on count 0."]


def maximum(release):
    """The points that an exercise gives."""
    return sum(float(cell.metadata.nbgrader.points) for cell in release.cells if is_grade(cell))


def score(notebook):
    """The points of a notebook that ran, by nbgrader's own rule; each check keeps its own in its metadata, for the page."""
    for cell in notebook.cells:
        if is_grade(cell):
            cell.metadata.nbgrader.score = determine_grade(cell)[0]
    return float(sum(cell.metadata.nbgrader.score for cell in notebook.cells if is_grade(cell)))


def page(notebook, title, points, most, remarks):
    """Questions, answers, checks and remarks as HTML, from nbgrader's own template; nothing active of the student's is left in it."""
    shown = copy.deepcopy(notebook)
    asked = {place(cell).removesuffix("-answer") for cell in shown.cells if is_solution(cell)}
    shown.cells = [cell for cell in shown.cells if is_grade(cell) or is_solution(cell) or cell.cell_type == "markdown" and cell.id in asked]
    for cell in filter(is_grade, shown.cells):
        cell.source = "# The check says:"
    if remarks:
        shown.cells.insert(0, nbformat.v4.new_markdown_cell(" ".join(remarks)))
    exporter = HTMLExporter(config=GenerateFeedback().config)
    exporter.register_preprocessor(SanitizeHTML(safe_output_keys={"metadata", "text/plain", "image/png", "image/jpeg"}), enabled=True)
    resources = {"nbgrader": {"notebook": title, "score": points, "max_score": most, "late_penalty": 0}}
    html = BeautifulSoup(exporter.from_notebook_node(shown, resources)[0], "html.parser")
    for script in html.find_all("script"):  # the template's own, from other sites
        script.decompose()
    for link in html.select("#toc a"):
        link.string = link["href"][1:].removesuffix("-check")
    html.head.insert(0, html.new_tag("meta", attrs={"http-equiv": "Content-Security-Policy", "content": POLICY}))
    html.head.append(BeautifulSoup("<style>pre { white-space: pre-wrap; word-break: normal } .prompt, .anchor-link { display: none }</style>", "html.parser"))
    return str(html)
