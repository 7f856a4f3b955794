"""Run every notebook with other packages, alone in an empty folder: `make binder`, `make colab`, `make newest`.

Prints what differs from the stored text; pictures are not compared. Exercises, which are stored without outputs, only have to run.
"""

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tools.outputs import ROOT, notebooks

LISTS = {"binder": ".binder/requirements.txt", "colab": "tools/colab.txt", "newest": ".binder/requirements.txt"}


def environment(name):
    """Make an environment with the packages of a list, or bring it up to date, and return its Python."""
    folder = ROOT / "_build" / name
    wanted = folder.with_suffix(".txt")
    packages = (ROOT / LISTS[name]).read_text(encoding="utf-8")
    folder.parent.mkdir(exist_ok=True)
    index = re.search("^--extra-index-url (.*)\n", packages, re.M)  # given by the environment, so that one's own goes before
    packages = packages.replace(index[0], "")
    wanted.write_text(re.sub("==.*", "", packages) if name == "newest" else packages, encoding="utf-8")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", "-r", wanted], env={"PIP_EXTRA_INDEX_URL": index[1], **os.environ}, check=True)
    return python


def text(notebook):
    """The lines that a notebook prints, each cell under its id."""
    lines = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            printed = output.get("text") or output.get("data", {}).get("text/plain") or f"{output.get('ename')}: {output.get('evalue')}"
            lines += [f"{cell.id}: {line}" for line in printed.splitlines() if not line.startswith("<Figure")]
    return lines


def run(path):
    """Run a notebook in a folder of its own and return what it prints and what is stored, or raise what its cell raised."""
    notebook = nbformat.read(path, as_version=4)
    stored = text(notebook)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=300, kernel_name="elsewhere", coalesce_streams=True, resources={"metadata": {"path": folder}}).execute()
    return text(notebook), stored if path.parent.name != "exercises" else None


def main(name):
    """Run all notebooks; the exit status says whether one stopped or printed something else."""
    python, bad = environment(name), []
    spec = ROOT / "_build" / f"{name}.kernels" / "kernels" / "elsewhere"
    spec.mkdir(parents=True, exist_ok=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": [str(python), "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"], "display_name": name}))
    os.environ["JUPYTER_PATH"] = str(spec.parent.parent)
    for path in [*notebooks(), *sorted(ROOT.glob("exercises/*.ipynb"))]:
        try:
            printed, stored = run(path)
            differences = [] if stored is None else list(difflib.unified_diff(stored, printed, "stored", name, lineterm="", n=0))
        except Exception as error:
            differences = [str(error)]
        print("differs" if differences else "agrees ", path.relative_to(ROOT), *differences, sep="\n  " if differences else " ", flush=True)
        bad += [path] * bool(differences)
    return f"{len(bad)} notebooks stop or differ with {LISTS[name]}" if bad else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
