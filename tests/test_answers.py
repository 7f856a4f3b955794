"""Every check refuses the wrong answers that students give, each with the message meant for it, and accepts right ones."""

import re
from functools import cache
from unittest.mock import MagicMock

import matplotlib.pyplot
import nbformat
import pytest
import torch
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from tools.outputs import ROOT

matplotlib.use("agg")
NOTEBOOKS = sorted(path.stem for path in ROOT.glob("solutions/*.ipynb"))
ANSWERS = {name: yaml.safe_load((ROOT / f"tests/answers/{name}.yml").read_text(encoding="utf-8")) for name in NOTEBOOKS}
WRONG = [(name, exercise, slip) for name in NOTEBOOKS for exercise, answers in ANSWERS[name].items() for slip in answers["wrong"]]
HELPERS = set("pair windows window small large down across same size sizes show plain bare count rank rise fits step slip walk formula layout changes"
              " numbers times kept reader total output result helper places area".split())
RIGHT = [(name, exercise, number) for name in NOTEBOOKS for exercise, answers in ANSWERS[name].items() for number in range(len(answers["right"]))]


def execute(source, namespace):
    """Run a cell in a namespace and return what its check says: None where it is content, or where the cell is no check.

    An error in the student's function is passed on by the check, with a note that names the case."""
    code = compile(TransformerManager().transform_cell(source), "<cell>", "exec")
    try:
        exec(code, namespace)
    except Exception as error:
        if type(error).__name__ == "NotYet":
            return str(error)
        if notes := getattr(error, "__notes__", []):
            return f"{type(error).__name__}: {notes[0]}"
        raise


@cache
def blank(name):
    """The cells of an exercise by id, the variables after all have run unanswered, and what each check then says."""
    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / f"exercises/{name}.ipynb", as_version=4).cells if cell.cell_type == "code"}
    namespace = {"__name__": "__main__", "get_ipython": MagicMock()}
    said = {place: execute(source, namespace) for place, source in cells.items()}
    return cells, namespace, {place.removesuffix("-check"): words for place, words in said.items() if place.endswith("-check")}


def answer(name, exercise, code):
    """What the check says to an answer, given in the place of the answer cell."""
    cells, namespace, _ = blank(name)
    fresh = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in namespace.items()}
    assert execute(code, fresh) is None
    later = list(cells)[list(cells).index(f"{exercise}-answer"):]
    assert f"{exercise}-picture" not in later or execute(cells[f"{exercise}-picture"], fresh) is None  # it draws any answer
    matplotlib.pyplot.close("all")
    return execute(cells[f"{exercise}-check"], fresh)


@cache
def refused(name, exercise):
    """What the check says to each wrong answer."""
    return {slip: answer(name, exercise, given["code"]) for slip, given in ANSWERS[name][exercise]["wrong"].items()}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_blank_exercise_runs_to_its_end_and_each_check_says_one_kind_line(name):
    said = blank(name)[2]
    assert list(said) == list(ANSWERS[name]), "tests/answers has other exercises, or another order"
    assert all(words and "\n" not in words for words in said.values()), said
    written = nbformat.read(ROOT / f"solutions/{name}.ipynb", as_version=4).cells
    solved = {cell.id.removesuffix("-answer"): cell.source for cell in written if cell.metadata.get("nbgrader", {}).get("solution")}
    assert {exercise: answer(name, exercise, code) for exercise, code in solved.items()} == dict.fromkeys(ANSWERS[name])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_cell_of_ours_takes_a_name_that_a_helper_of_a_student_may_have(name):
    cells, namespace, _ = blank(name)
    asked = re.findall(r"^(?:def )?(\w+)", "\n".join(source for place, source in cells.items() if place.endswith("-answer")), re.M)
    assert not HELPERS.intersection(namespace) - set(asked)


@pytest.mark.parametrize(("name", "exercise", "slip"), WRONG, ids=str)
def test_a_wrong_answer_meets_its_own_message(name, exercise, slip):
    said, says = refused(name, exercise), ANSWERS[name][exercise]["wrong"][slip]["says"]
    assert said[slip], "is accepted"
    assert says in said[slip] and "\n" not in said[slip] and len(said[slip]) < 300
    assert [other for other, words in said.items() if words == said[slip]] == [slip], "another wrong answer meets the very same message"


@pytest.mark.parametrize(("name", "exercise", "number"), RIGHT, ids=str)
def test_a_right_answer_is_accepted_however_it_is_written(name, exercise, number):
    assert answer(name, exercise, ANSWERS[name][exercise]["right"][number]) is None
