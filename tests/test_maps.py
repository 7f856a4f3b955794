"""The lessons hold what two maps, from the original lab and from misconceptions to lesson and cell, say they hold."""

import subprocess
import sys
from xml.etree import ElementTree

import nbformat
import pytest
import yaml

from tools.outputs import ROOT

IDS = [f"{source}{row}" for source, rows in {"A": 13, "B": 12, "C": 7}.items() for row in range(1, rows + 1)]
LAB = {"id", "lab", "item", "lesson", "shown"}
MAPS = {"reference/original-lab.yml": (IDS, LAB), "tests/misconceptions.yml": (list(range(1, 23)), {"id", "belief", "caught", "lesson", "shown"})}
SVG = "image/svg+xml"


def text(cell):
    """All that a cell says: its outputs, the words in a drawing too; its source where it has none."""
    found = [] if cell.get("outputs") else [cell.source]
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        found += [output.get("text", ""), data.get("text/plain", "")]
        found += [f"{output.ename}: {output.evalue}"] if "ename" in output else []
        found += ["".join(node.itertext()) for node in ElementTree.fromstring(data.get(SVG, "<svg/>")).iter("{http://www.w3.org/2000/svg}text")]
    return "\n".join(found)


def key_faults(entry, required, optional):
    """Keys that are missing, or that no test reads."""
    if not isinstance(entry, dict):
        return [f"{entry!r} is not a list of keys and values"]
    return [f"lacks the key {key}" for key in sorted(required - set(entry))] + \
        [f"has the unknown key {key}" for key in sorted(set(entry) - required - optional)]


def shown_faults(shown, lesson, lessons):
    """Why a cell does not show what the map says, if so."""
    if found := key_faults(shown, {"cell"}, {"lesson", "holds", "draws"}):
        return found
    name, place, holds = shown.get("lesson", lesson), shown["cell"], shown.get("holds")
    if name not in lessons:
        return [f"there is no notebook {name}"]
    if place not in lessons[name]:
        return [f"{name} has no cell {place}"]
    cell, found = lessons[name][place], []
    if "holds" not in shown and shown.get("draws") is not True:
        found.append(f"{place} needs 'holds: <text>' or 'draws: true'")
    if "holds" in shown and (not isinstance(holds, str) or not holds.strip()):
        found.append(f"{place}: 'holds' is not a text: put it in quotes")
    elif holds and holds not in text(cell):
        found.append(f"{name}, cell {place} does not hold {holds.splitlines()[0]!r}…: mend the lesson or the map")
    if "draws" in shown and not any(kind.startswith("image/") for output in cell.get("outputs", []) for kind in output.get("data", {})):
        found.append(f"{name}, cell {place} draws no picture")
    return found


def faults(entries, lessons, ids, required=LAB):
    """All faults of the map, one line each; `lessons` gives the cells of each notebook by id."""
    found, rows = [], [entry.get("id") if isinstance(entry, dict) else None for entry in entries]
    found += [f"{row}: is missing" for row in ids if row not in rows]
    found += [f"{row}: is not a row of the map" for row in rows if row not in ids]
    if not found and rows != ids:
        found.append(f"the rows are not {ids[0]} … {ids[-1]} in order, each once")
    for row, entry in zip(rows, entries):
        wrong = key_faults(entry, required, {"corrected"})
        if not wrong and not (isinstance(entry["shown"], list) and entry["shown"]):
            wrong = ["'shown' is not a list of cells"]
        wrong = wrong or [line for shown in entry["shown"] for line in shown_faults(shown, entry["lesson"], lessons)]
        found += [f"{row}: {line}" for line in wrong]
    return found


@pytest.fixture(scope="module")
def lessons():
    """The cells of each lesson by id."""
    return {path.stem: {cell.id: cell for cell in nbformat.read(path, as_version=4).cells} for path in sorted(ROOT.glob("lessons/*.ipynb"))}


def test_every_misconception_is_caught_by_an_exercise():
    for entry in yaml.safe_load((ROOT / "tests/misconceptions.yml").read_text(encoding="utf-8")):
        notebook, exercise, slip = entry["caught"].split("/")
        answers = yaml.safe_load((ROOT / f"tests/answers/{notebook}.yml").read_text(encoding="utf-8"))
        assert slip in answers[exercise]["wrong"], entry["caught"]


@pytest.mark.parametrize("name", MAPS)
def test_every_row_of_a_map_is_shown(lessons, name):
    entries = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    if found := faults(entries or [], lessons, *MAPS[name]):
        pytest.fail("\n".join(found), pytrace=False)


def test_the_page_of_the_lab_is_what_its_tool_makes(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools/original_lab.py", tmp_path], check=True)
    assert (tmp_path / "original-lab.md").read_text("utf-8") == (ROOT / "reference/original-lab.md").read_text("utf-8"), "run 'make outputs'"


CODE = nbformat.v4.new_code_cell(id="z", outputs=[
    nbformat.v4.new_output("stream", text="Output:\n"),
    nbformat.v4.new_output("display_data", {"text/plain": "tensor([[4.,\n  2.]])", SVG: '<svg xmlns="http://www.w3.org/2000/svg"><text>7</text></svg>'}),
    nbformat.v4.new_output("error", ename="ValueError", evalue="too small"),
])
LESSONS = {"01-a": {"z": CODE, "why": nbformat.v4.new_markdown_cell("The sum is **4**.", id="why")}, "02-b": {"y": CODE}}
Z = {"cell": "z", "holds": "tensor([[4.,\n  2.]])", "draws": True}


def row(**changes):
    return {"id": "A1", "lab": "In [5]", "item": "z", "lesson": "01-a", "shown": [Z], **changes}


@pytest.mark.parametrize("shown", [
    Z, {"cell": "z", "holds": "Output:"}, {"cell": "z", "holds": "7"}, {"cell": "z", "holds": "ValueError: too small"},
    {"cell": "why", "holds": "sum is **4**"}, {"cell": "y", "lesson": "02-b", "draws": True},
])
def test_a_true_row_has_no_fault(shown):
    assert faults([row(shown=[shown], corrected="The sign.")], LESSONS, ["A1"]) == []


@pytest.mark.parametrize(("entries", "line"), [
    ([], "A1: is missing"),
    ([row(), row(id="A9")], "A9: is not a row of the map"),
    ([row(), row()], "the rows are not A1 … A1 in order, each once"),
    (["A1"], "A1: is missing"),
    ([{"id": "A1"}], "A1: lacks the key item"),
    ([row(correct="x")], "A1: has the unknown key correct"),
    ([row(shown=[])], "A1: 'shown' is not a list of cells"),
    ([row(shown=[{**Z, "hold": "4"}])], "A1: has the unknown key hold"),
    ([row(shown=["z"])], "A1: 'z' is not a list of keys and values"),
    ([row(lesson="03-c")], "A1: there is no notebook 03-c"),
    ([row(shown=[{**Z, "cell": "y"}])], "A1: 01-a has no cell y"),
    ([row(shown=[{"cell": "z"}])], "A1: z needs 'holds: <text>' or 'draws: true'"),
    ([row(shown=[{**Z, "holds": " "}])], "A1: z: 'holds' is not a text: put it in quotes"),
    ([row(shown=[{**Z, "holds": 4}])], "A1: z: 'holds' is not a text: put it in quotes"),
    ([row(shown=[{**Z, "holds": "tensor([[4., 2.]])"}])], "A1: 01-a, cell z does not hold 'tensor([[4., 2.]])'…: mend the lesson or the map"),
    ([row(shown=[{"cell": "why", "draws": True}])], "A1: 01-a, cell why draws no picture"),
])
def test_a_false_row_is_one_line(entries, line):
    assert line in faults(entries, LESSONS, ["A1"])
