"""What nbval lets through or reports badly, one readable line a fault: `python -m tools.lint`, and part of `make test`."""

import ast
import re
import sys

import nbformat
from IPython.core.displayhook import DisplayHook
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat.validator import iter_validate
from nbval.plugin import comment_markers

from tools.outputs import METADATA, ROOT, SHARED, notebooks

TAGS = ("hide-input", "hide-output", "hide-cell", "raises-exception", "solution")
FOLDED = {"hide-output": "outputs_hidden", "hide-input": "source_hidden"}
PACKAGES = {"torch", "numpy", "matplotlib", "sklearn", "scipy"} | sys.stdlib_module_names
LINES, COLUMNS, CELLS, WORDS = (12, 40), (79, 120), 28, 1200  # of code: what stands open, what is folded
RUN = "run 'make outputs'"
UNSTABLE = {
    r"(?<![\w/:.])/(home|Users|root|tmp|usr|opt|var|private|content)/|\b[A-Z]:\\|site-packages|<ipython-input|ipykernel_": "a path of one machine",
    r"at 0x[0-9a-fA-F]+": "an address that changes with every run",
}
MYST = re.compile(r"^(?::::|%|\+\+\+|\(.+\)=\s*$).*", re.MULTILINE)
EXPLORER = re.compile(r"<div>\n<course-explorer [^<>]*>\n[^<>]+\n</course-explorer>\n</div>\n?")
HTML = re.compile(rf"{EXPLORER.pattern}|</?details>|</?summary>|(?<=<summary>)[^<]+(?=</summary>)")
MARKDOWN = MarkdownIt("commonmark").use(dollarmath_plugin)


def identity(cell):
    """Readable ids, tags from the short list, folded in the book and in Jupyter alike."""
    tags, hidden = cell.metadata.get("tags", []), cell.metadata.get("jupyter", {})
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell.id) or re.match(r"[0-9a-f]{8}(-|$)", cell.id):
        yield "give the cell a readable id, such as stride-output"
    if cell.source != SHARED.get(cell.id, cell.source):
        yield f"differs from its one home in tools/cells: {RUN}"
    for tag in sorted(set(tags) - set(TAGS)):
        yield f"has the tag {tag}: remove it; allowed are {', '.join(TAGS)}"
    for tag, key in FOLDED.items():
        if (tag in tags or "hide-cell" in tags) != bool(hidden.get(key)):
            yield f"is folded in one place only: the tag {tag} and the metadata jupyter.{key} go together"


def source(cell):
    """Code that is short, checked, and runs in Colab and Binder as it stands."""
    for marker in comment_markers:
        if marker in cell.source:
            yield f"has the comment {marker}, which changes what is checked: remove it"
    lines, longest = len(re.findall(r"^.*\S", cell.source, re.M)), max(map(len, cell.source.split("\n")))
    folded = bool(cell.metadata.get("jupyter", {}).get("source_hidden"))
    limit, width = LINES[folded or "nbgrader" in cell.metadata], COLUMNS[folded]
    if cell.id not in SHARED and not 0 < lines <= limit:
        yield f"has {lines} lines of code: write 1 to {limit}"
    if cell.id not in SHARED and longest > width:
        yield f"has a line of {longest} characters: break it, at most {width}"
    try:
        code = TransformerManager().transform_cell(cell.source)
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError as error:
        return (yield f"is not Python ({error.msg}, line {error.lineno}): mend it")
    if DisplayHook.semicolon_at_end_of_expression(code):
        yield f"ends with ';', which hides the output: remove it and {RUN}"
    for call in [ast.unparse(node) for node in nodes if isinstance(node, ast.Call)]:
        if call.startswith("get_ipython().") and not call.startswith("get_ipython().run_line_magic('config'"):
            yield f"runs a magic or a shell command ({call[14:54]}): only %config may be used"
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += ["." * node.level + (node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)]
    for name in names:
        if name.split(".")[0] not in PACKAGES:
            yield f"imports {name}: a lesson has torch, numpy, matplotlib, scipy, sklearn and what Python brings"


def outputs(cell):
    """Outputs that say the same on every machine, errors that are meant, and pictures told in words."""
    errors, tagged = [out for out in cell.outputs if "ename" in out], "raises-exception" in cell.metadata.get("tags", [])
    if tagged and not errors:
        yield "is tagged raises-exception but raises nothing: remove the tag or, in a wrong attempt, teach the check to refuse it"
    for error in errors:
        if not tagged:
            yield f"raises {error.ename} without the tag raises-exception: mend the code or add the tag"
        if error.traceback != f"{error.ename}: {error.evalue}".splitlines()[:1]:
            yield f"stores a traceback that is not the one line 'Name: message': {RUN}"
    for out in cell.outputs:
        texts = [text for kind, text in out.get("data", {}).items() if kind.startswith("text/") or kind == "image/svg+xml"]
        for pattern, what in UNSTABLE.items():
            if found := re.search(pattern, "\n".join([out.get("text", ""), out.get("evalue", ""), *texts])):
                yield f"shows {what} ({found[0]}): print something else, then {RUN}"
        if out.get("name") == "stderr":
            yield f"writes to stderr ({out.text.strip()[:60]}): catch the warning, then {RUN}"
    kinds, alt = {kind for out in cell.outputs for kind in out.get("data", {})}, cell.metadata.get("mystnb", {})
    for kind in sorted(kinds):
        if not re.match(r"text/|image/(svg\+xml|png|jpeg)$", kind):
            yield f"stores an output of type {kind}, which is not compared: show text or a picture"
    drawn, alt = any(kind.startswith("image/") for kind in kinds), str(alt.get("image", {}).get("alt", "")).strip()
    if drawn and (not alt or re.fullmatch(r"\S+\.\w{2,4}", alt)):
        yield "draws a picture without a written alternative: say what it shows in the metadata mystnb.image.alt"
    if alt and not drawn:
        yield f"has a written alternative but draws nothing: {RUN}, or remove mystnb.image.alt"


def markdown(cell):
    """CommonMark, formulas and <details>: the rest shows raw in Colab and Jupyter."""
    for token in MARKDOWN.parse(cell.source):
        myst = [token.info] if token.type == "fence" and token.info.startswith("{") else []
        myst += MYST.findall(token.content) if token.type == "inline" else []
        parts = token.children or [token]
        for before, part in zip([token, *parts], parts):
            if part.type == "code_inline" and (role := re.search(r"\{[\w:+-]+\}$", before.content)):
                myst.append(role[0])
            if part.type.startswith("html") and HTML.sub("", part.content).strip():
                yield f"has raw HTML ({part.content.strip()[:40]}): only <details> and <summary>, with an empty line after them, and explorers"
            if part.type == "image" and not part.content.strip():
                yield "shows a picture without a written alternative: ![what it shows](…)"
        for what in myst:
            yield f"has MyST markup ({what[:40]}), which shows raw outside the book: write plain Markdown"


def whole(notebook, stored, lesson):
    """What concerns the notebook as a whole, as pairs of a cell or None and a message."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"] if stored else []
    if code and not any(cell.execution_count for cell in code):
        yield None, f"its outputs are stripped, so nothing is verified: {RUN}"
        code = []
    for number, cell in enumerate(code, start=1):
        if cell.execution_count is None:
            yield cell, f"has no execution count, so its output is not verified: {RUN}"
        elif cell.execution_count != number:
            yield cell, f"has execution count {cell.execution_count} where {number} belongs: {RUN}"
            break  # those after it are shifted too
    names = [cell.id for cell in notebook.cells]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield None, f"two cells have the id {name}: change one"
    if (notebook.metadata, notebook.nbformat_minor) != (METADATA, 5):
        yield None, f"notebook metadata is not the normal form: {RUN}"
    words = sum(len(re.findall(r"\S*\w\S*", EXPLORER.sub("", cell.source))) for cell in notebook.cells if cell.cell_type == "markdown")
    for number, limit, what in ((len(names), CELLS, "cells"), (words, WORDS, "words of text")):
        if lesson and number > limit:
            yield None, f"has {number} {what}: at most {limit}, so shorten it"


def faults(path, root=ROOT):
    """All faults of one notebook. An exercise is stored without outputs, and only a lesson has a length."""
    name, folder = path.relative_to(root).as_posix(), path.parent.name
    rules = {"markdown": [identity, markdown], "code": [identity, source] + [outputs] * (folder != "exercises")}
    try:
        notebook = nbformat.v4.reads_json(path.read_text(encoding="utf-8"))
        for error in iter_validate(notebook, version=4, version_minor=5):
            raise ValueError(error.message)
        found = [*whole(notebook, folder != "exercises", folder == "lessons")]
        found += [(cell, message) for cell in notebook.cells for rule in rules.get(cell.cell_type, []) for message in rule(cell)]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        return [f"{name}: is not a notebook that can be read ({str(error).splitlines()[0][:90]}): restore the file"]
    places = {id(cell): f", cell {place} ({cell.id})" for place, cell in enumerate(notebook.cells, start=1)}
    return [f"{name}{places.get(id(cell), '')}: {' '.join(message.split())}" for cell, message in found]


def toc_faults(root=ROOT):
    """Lessons are numbered 01, 02, … in the order of _toc.yml, which lists every one."""
    try:
        listed = re.findall(r"^[\s{-]*(?:file|root): *['\"]?([^'\"\s,}]+)", (root / "_toc.yml").read_text(encoding="utf-8"), re.M)
    except OSError as error:
        return [f"_toc.yml: cannot be read ({error.strerror}): restore the file"]
    listed = [re.sub(r"\.(ipynb|md)$", "", name) for name in listed]
    found = [f"_toc.yml: lists {name}, and there is no such file: rename one or the other"
             for name in listed if not any((root / f"{name}.{kind}").exists() for kind in ("ipynb", "md"))]
    for place, name in enumerate([name for name in listed if name.startswith("lessons/")], start=1):
        if not re.fullmatch(rf"lessons/{place:02d}-[a-z0-9-]+", name):
            found.append(f"{name}.ipynb: is lesson {place} in _toc.yml: rename it to {place:02d}-…, or move its line there")
    return found + [f"lessons/{path.name}: is not in _toc.yml: list it there, or give the file its old name back"
                    for path in sorted(root.glob("lessons/*.ipynb")) if f"lessons/{path.stem}" not in listed]


def everything(root=ROOT):
    """All faults of the course."""
    paths = [*notebooks(root), *sorted(root.glob("exercises/*.ipynb"))]
    return toc_faults(root) + [line for path in paths for line in faults(path, root)]


if __name__ == "__main__":
    sys.exit("\n".join(everything()) or None)
