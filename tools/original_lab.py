"""Write reference/original-lab.md, where each cell of the original lab lives now, from the map reference/original-lab.yml."""

import re
import sys
from pathlib import Path

import nbformat
import yaml
from mdit_py_plugins.anchors.index import slugify

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """# The original lab, cell by cell

This course follows a published lab, *What's Convolution*, and two texts that go with it ([credits](credits.md)). If you know them, look here for a cell, an output or a picture: where it lives now, and what was put right on the way.
"""
SOURCES = {"A": "The lab", "B": "Intro to CNN", "C": "Study notes"}


def anchors(lesson):
    """For each cell of a lesson by id: the heading it stands under, and where to link to, which is the cell if it is code."""
    found, heading = {}, ""
    for cell in nbformat.read(ROOT / f"lessons/{lesson}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown":
            heading = ([heading] + re.findall(r"^#+ (.*)", cell.source, re.M)[:1])[-1]
        found[cell.id] = heading, cell.id if cell.cell_type == "code" else slugify(heading)
    return found


def links(row):
    """Where a row is shown, as Markdown: one link for each section of a lesson."""
    places = {}
    for shown in row["shown"]:
        lesson = shown.get("lesson", row["lesson"])
        heading, anchor = anchors(lesson)[shown["cell"]]
        places.setdefault(lesson, {}).setdefault(heading, f"../lessons/{lesson}.ipynb#{anchor}")
    return "; ".join(f"Lesson {int(lesson[:2])}: " + ", ".join(f"[{heading}]({place})" for heading, place in found.items())
                     for lesson, found in places.items())


def page(rows):
    """The whole page as Markdown, in the order of the lab's own cells."""
    parts = [INTRODUCTION]
    for letter, source in SOURCES.items():
        parts.append(f"## {source}\n")
        found = [row for row in rows if row["id"].startswith(letter)]
        for row in sorted(found, key=lambda row: int((re.findall(r"In \[(\d+)\]", row["lab"]) or [0])[0])):
            parts.append(f"### {row['lab'].removeprefix(source + ', ')} · {row['item']}\n\n{links(row)}\n")
            parts += [row["corrected"] + "\n"] if "corrected" in row else []
    return "\n".join(parts)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reference"
    rows = yaml.safe_load((ROOT / "reference/original-lab.yml").read_text(encoding="utf-8"))
    (folder / "original-lab.md").write_text(page(rows), encoding="utf-8")
