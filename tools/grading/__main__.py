"""Grade a folder of submissions, one folder a student: `make grade SUBMISSIONS=folder`. The results lie beside it, in folder-graded."""

import csv
import hashlib
import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

import nbformat

from tools.grading import submission
from tools.grading.sandbox import LIMITS, refusal
from tools.grading.submission import Unfit
from tools.outputs import ROOT

COLUMNS = ("student", "notebook", "score", "maximum", "remark")
SKIPPED = {".ipynb_checkpoints", "__MACOSX"}
ASSIGNMENT = "exercises"  # as nbgrader calls it: autograded/STUDENT/exercises/NOTEBOOK.ipynb
OURS = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))


def write(path, text):
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", errors="replace")  # a student may print half a letter
    os.replace(part, path)


def collect(folder, releases, asked=()):
    """What each student handed in, as {(student, exercise): a path, or the Unfit that says why there is none}, and a sentence for each thing left out.

    Expected of all are the exercises that are asked for or, where none is, those that one of the class handed in."""
    students = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found, held, expected, notes, unread = {}, set(), set(asked), [], {student: [] for student in students}
    for student in students:
        for path in [] if student.is_symlink() else sorted(path for path in student.rglob("*") if path.is_symlink() or path.is_file()):
            if SKIPPED & set(path.parts) or path.name.startswith("."):
                continue
            try:
                name = submission.recognise(submission.read(path), releases)
            except Unfit as unfit:
                unread[student].append(path.name)
                if path.suffix == ".ipynb":
                    found.setdefault((student.name, path.stem), unfit)
                continue
            if asked and name not in asked:
                notes.append(f"{student.name}/{path.name} belongs to another lesson, and is left out.")
                continue
            expected.add(name)
            several = (student.name, name) in held
            found[student.name, name] = Unfit("More than one file holds this exercise: leave one of them in the folder.") if several else path
            held.add((student.name, name))
    if loose := [path.name for path in sorted(folder.glob("*.ipynb"))]:
        notes.append(f"In no student's folder, and left out: {', '.join(loose)}.")
    for student in students:
        also = f" What could not be read: {', '.join(unread[student])}." if unread[student] else ""
        for name in expected or ["-"]:
            found.setdefault((student.name, name), Unfit(f"It is missing: nothing was handed in that holds this exercise.{also}"))
    return found, notes


class Job(NamedTuple):
    """One notebook of one student: what is to be graded, or why it cannot be, and where the results go."""

    student: str
    name: str
    found: object  # a path, or an Unfit
    release: object  # a notebook, or None where the file is no exercise of ours
    output: Path
    unsafe: bool

    def place(self, kind, suffix):
        return self.output / kind / self.student / ASSIGNMENT / f"{self.name}.{suffix}"

    def digest(self):
        """Changes with the submission, the release and this tool."""
        content = str(self.found).encode() if isinstance(self.found, Unfit) else self.found.read_bytes()
        release = nbformat.writes(self.release).encode() if self.release else b""
        return hashlib.sha256(b"\0".join([content, release, OURS, str(self.unsafe).encode()])).hexdigest()

    def result(self):
        """The stored result, or None."""
        try:
            return json.loads(self.place("results", "json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def store(self, digest, notebook, points, maximum, remarks):
        """Write the page and, last, the result: what has a result is done."""
        write(self.place("feedback", "html"), submission.page(notebook, f"{self.name}, {self.student}", points, maximum, remarks))
        result = {"digest": digest, "score": points, "maximum": maximum, "remark": " ".join(remarks)}
        write(self.place("results", "json"), json.dumps(result))

    def give_up(self, digest, why):
        """Store that a submission could not be run."""
        maximum = submission.maximum(self.release) if self.release else 0.0
        self.place("autograded", "ipynb").unlink(missing_ok=True)
        self.store(digest, nbformat.v4.new_notebook(), 0.0, maximum, [why])

    def run(self, digest, folder):
        """In a process of its own: run the submission and store its notebook, its page and its result."""
        os.setsid()  # what stops the grader from the keyboard does not reach it
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_DATA, (2 * LIMITS["memory"],) * 2)
        notebook, remarks = submission.merge(submission.read(self.found), self.release)
        remarks += submission.run(notebook, self.release, folder, self.unsafe)
        points = submission.score(notebook)
        write(self.place("autograded", "ipynb"), nbformat.writes(notebook) + "\n")
        self.store(digest, notebook, points, submission.maximum(self.release), remarks)


def run_all(waiting, at_once):
    """Run pairs of a job and its digest, some at once, each in a process of its own, and say how far it is."""
    # A fork has PyTorch at hand already; a Mac cannot fork safely.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    running, total, done, stopped = {}, len(waiting), 0, []
    before = signal.signal(signal.SIGINT, lambda *given: stopped.append(True))  # an exception would be lost within a fork
    try:
        while waiting or running:
            if stopped:
                raise KeyboardInterrupt
            while waiting and len(running) < at_once:
                job, digest = waiting.pop(0)
                folder = tempfile.mkdtemp(prefix="grade-")
                process = context.Process(target=job.run, args=[digest, folder], daemon=True)
                process.start()
                running[process.sentinel] = process, job, digest, folder, time.monotonic() + LIMITS["total"] + 60
            late = [sentinel for sentinel, (*_, end) in running.items() if time.monotonic() > end]
            for sentinel in wait(list(running), timeout=1) or late:
                process, job, digest, folder, _ = running.pop(sentinel)
                process.kill()  # where it is late; what it started ends with it
                process.join()
                shutil.rmtree(folder, ignore_errors=True)
                if (job.result() or {}).get("digest") != digest:
                    job.give_up(digest, "It could not be graded, because its answers broke the grader: look at it by hand.")
                done += 1
                print(f"{done} of {total}: {job.student}/{job.name} {job.result()['score']:g}", flush=True)
    finally:
        signal.signal(signal.SIGINT, before)
        for process, _, _, folder, _ in running.values():
            process.kill()
            shutil.rmtree(folder, ignore_errors=True)


def forget(output, collected):
    """Delete what an earlier run with other notebooks left, so that the folder holds what the table holds."""
    for path in [path for kind in ("feedback", "autograded", "results") for path in output.glob(f"{kind}/*/{ASSIGNMENT}/*")]:
        if (path.parent.parent.name, path.stem) not in collected:
            path.unlink()
    for place in sorted(output.glob("*/**/"), reverse=True):  # the inner ones first
        if not any(place.iterdir()):
            place.rmdir()


def main(folder, at_once=0, unsafe=False, lessons=""):
    """Grade every submission that has no result yet, then write the table and the summary. Returns an error in one line, or nothing.

    Of lessons, numbers such as "1 3", only the exercises count; without them, all that somebody handed in."""
    folder = Path(folder).resolve()
    if not folder.is_dir():
        return f"There is no folder {folder.name}: name the one with the submissions, as in make grade SUBMISSIONS=folder"
    if not unsafe and (why := refusal()):
        return why
    releases = {path.stem: nbformat.read(path, as_version=4) for path in sorted(ROOT.glob("exercises/*.ipynb"))}
    asked = {word: [name for name in releases if name.split("-")[0] == word.zfill(2)] for word in lessons.replace(",", " ").split()}
    if unknown := [word for word, names in asked.items() if not names]:
        return f"No exercises belong to a lesson {unknown[0]}: give numbers of lessons, as in LESSONS=\"1 3\""
    output, begun = folder.with_name(f"{folder.name}-graded"), time.monotonic()
    collected, notes = collect(folder, releases, sum(asked.values(), []))
    jobs = [Job(*key, found, releases.get(key[1]), output, unsafe) for key, found in sorted(collected.items())]
    if not jobs:
        return f"{folder.name} holds no student's folder: make one for each student, and put the notebooks in them."
    waiting = [(job, digest) for job in jobs if (job.result() or {}).get("digest") != (digest := job.digest())]
    print(*notes, f"{len(jobs)} notebooks, {len(jobs) - len(waiting)} of them graded before", sep="\n", flush=True)
    for job, digest in waiting:
        if isinstance(job.found, Unfit):
            job.give_up(digest, str(job.found))
    run_all([(job, digest) for job, digest in waiting if not isinstance(job.found, Unfit)], at_once or os.cpu_count())
    forget(output, collected)
    report(output, jobs, notes, time.monotonic() - begun)


def safe(text):
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if str(text).startswith(("=", "+", "-", "@")) and text != "-" else text


def listed(columns, rows):
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', ' ') for cell in line)} |\n" for line in lines)


def report(output, jobs, notes, seconds):
    """Write grades.csv and summary.md, and add the latter to the summary of a GitHub job."""
    results = [job.result() for job in jobs]
    rows = [(safe(job.student), safe(job.name), found["score"], found["maximum"], found["remark"]) for job, found in zip(jobs, results)]
    table = io.StringIO(newline="")
    csv.writer(table).writerows([COLUMNS, *rows])
    write(output / "grades.csv", f"\ufeff{table.getvalue()}")  # the mark by which Excel knows UTF-8
    totals = {}
    for student, _, score, maximum, _ in rows:
        before = totals.get(student, (0, 0))
        totals[student] = before[0] + score, before[1] + maximum
    text = f"# {len(rows)} notebooks graded\n\n" + "".join(f"{note}\n\n" for note in notes)
    text += listed(COLUMNS, rows) + "\n" + listed(("student", "total", "maximum"), [(student, *total) for student, total in totals.items()])
    write(output / "summary.md", text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(text)
    print(f"{len(rows)} notebooks graded in {seconds:.0f} seconds, {sum(bool(row[-1]) for row in rows)} with a remark: see {output.name}/grades.csv")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("Name the folder with the submissions, one folder a student: make grade SUBMISSIONS=folder")
    number = os.environ.get("JOBS") or "0"
    if not number.isdigit():
        sys.exit("JOBS is a whole number, such as: make grade SUBMISSIONS=folder JOBS=2")
    try:
        sys.exit(main(sys.argv[1], int(number), os.environ.get("UNSAFE") == "1", os.environ.get("LESSONS") or ""))
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on where it was.")
