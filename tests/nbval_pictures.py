"""A pytest plugin that adds to nbval: photographs compared by their pixels, and a failure that says what to do."""

import re
from base64 import b64decode
from importlib.metadata import version
from io import BytesIO

import numpy as np
import pytest
from nbval.plugin import IPyNbCell, NbCellError
from PIL import Image

MEAN, LARGEST = 0.5, 32  # of 255: another processor moves a pixel by one or two, another picture by tens
ADVICE = ("Cell outputs differ: the code no longer gives what is stored; mend the code, or run 'make outputs' if the new output is right"
          " (below, - is what the code gives now and + is what is stored)")


def other_matplotlib(config):
    """The pinned version of Matplotlib where another one draws, whose pictures are not comparable; else None."""
    constraints = config.rootpath / "constraints.txt"
    pinned = re.findall(r"^matplotlib==([^\s;]+)", constraints.read_text() if constraints.exists() else "", re.M)
    return pinned[0] if pinned and version("matplotlib") not in pinned else None


def pytest_report_header(config):
    """Say when pictures go unchecked."""
    pinned = other_matplotlib(config)
    return f"pictures: NOT compared: constraints.txt pins Matplotlib {pinned}, not {version('matplotlib')}" if pinned else "pictures: compared"


def pictures(outputs):
    """The photographs among a cell's outputs, as arrays; SVG is text, which nbval itself compares."""
    data = [value for output in outputs for kind, value in output.get("data", {}).items() if kind in ("image/png", "image/jpeg")]
    return [np.asarray(Image.open(BytesIO(b64decode(picture))).convert("RGBA"), float) for picture in data]


def difference(stored, drawn):
    """Say how the pictures that the code draws differ from the stored ones, or return None."""
    sizes = [", ".join(f"{p.shape[1]}×{p.shape[0]} pixels" for p in side) or "no picture" for side in (stored, drawn)]
    if sizes[0] != sizes[1]:
        return f"the picture differs from the stored one: stored {sizes[0]}, drawn {sizes[1]}"
    for gap in (np.abs(before - after) for before, after in zip(stored, drawn)):
        if gap.mean() > MEAN or gap.max() > LARGEST:
            return f"the picture differs from the stored one: mean difference {gap.mean():.1f} of 255, largest {gap.max():.0f}"
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Compare the photographs after nbval has compared the text of a cell."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    comparable = not other_matplotlib(item.config)
    if not comparable:
        item.parent.skip_compare += ("image/svg+xml",)
    try:
        result = yield
        if comparable and item.options["check"] and (found := difference(pictures(item.cell.outputs), pictures(item.test_outputs))):
            item.raise_cell_error(f"{found}; if it should, run 'make outputs'")
        return result
    except NbCellError as error:
        message = str(error).replace("Cell outputs differ", ADVICE)
        error.args = (f"(id {item.cell.get('id')}) {message}",)
        raise
