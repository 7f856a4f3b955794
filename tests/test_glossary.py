"""The glossary has the words that the lessons introduce, each with a lesson that uses it."""

import re

import nbformat
import pytest

from tools.lint import MARKDOWN
from tools.outputs import ROOT

# In italics for their weight, not because they are new.
STRESSED = {"predict", "not", "last", "first", "looks", "fewer", "that", "where", "can", "its own", "how", "padded", "non-singleton", "vote",
            "sum of the kernel", "sum of a column", "amount", "factor"}


def words(text):
    """What a lesson sets in italics, in lower case; a whole sentence does not count."""
    parts = [part for token in MARKDOWN.parse(text) for part in token.children or []]
    found = [part.content.lower() for before, part in zip(parts, parts[1:]) if before.type == "em_open"]
    return [word for word in found if not word.endswith(".")]


def faults(glossary, lessons):
    """One line for a term that its lesson does not use, and for a word in italics that is neither a term nor stressed."""
    found, terms = [], {}
    for entry in glossary.split("\n### ")[1:]:
        term, lesson = entry.split("\n")[0].lower(), re.findall(r"\(\.\./lessons/([\w-]+)\.ipynb\)", entry)
        terms[term] = lesson
        if not lesson or term.removesuffix(" padding") not in lessons.get(lesson[0], "").lower():
            found.append(f"{term}: no lesson, or one that does not use the word")
    for name, text in lessons.items():
        found += [f"{name}: introduces {word}, which the glossary lacks" for word in words(text)
                  if word not in STRESSED and word not in terms and word.removesuffix("s") not in terms and word.removesuffix("es") not in terms]
    return found


def test_the_glossary_has_the_words_of_the_lessons():
    lessons = {path.stem: "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
               for path in sorted(ROOT.glob("lessons/*.ipynb"))}
    assert faults((ROOT / "reference/glossary.md").read_text(encoding="utf-8"), lessons) == []


@pytest.mark.parametrize(("lesson", "found"), [
    ("Two *kernels*, *not* three. **Bold.** *For those who know. Skip it.*", []),
    ("A grid.", ["kernel: no lesson, or one that does not use the word"]),
    ("A kernel, a *filter*.", ["01-a: introduces filter, which the glossary lacks"]),
])
def test_a_missing_word_is_one_line(lesson, found):
    assert faults("# Glossary\n\n### Kernel\n\nWeights. [Lesson 1](../lessons/01-a.ipynb)\n", {"01-a": lesson}) == found
