"""Sphinx extension: formulas become MathML when the book is built, with one small font for all of them."""
import html
import re
import unicodedata
from pathlib import Path

import ziamath
from docutils import nodes
from fontTools import subset
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

log = logging.getLogger(__name__)
latex_to_mathml = LatexToMathML(fancy_error=False)
FONT = Path(ziamath.__file__).parent / "fonts/STIXTwoMath-Regular.ttf"
MATH_ITALIC = map(chr, [0x210E, *range(0x1D434, 0x1D468), *range(0x1D6FC, 0x1D715)])
ITALIC = {unicodedata.normalize("NFKC", letter): letter for letter in MATH_ITALIC}  # a variable is written plain and drawn with these


def to_mathml(node, display):
    """The MathML of a formula; bad TeX warns, and a strict build fails on a warning."""
    tex = node.astext().strip()
    aligned = re.sub(r"\{(split|align)\}", "{aligned}", tex)
    try:
        return latex_to_mathml.convert_with_local_state(aligned, displaystyle=display)
    except LatexError as error:
        log.warning("formula not understood: %s: %s", error, tex, location=node)
        return f"<code>{html.escape(tex)}</code>"


def visit_inline(self, node):
    self.body.append(to_mathml(node, display=False))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math", tabindex="0"))
    self.body.append(to_mathml(node, display=True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def characters(pages):
    """The characters that the formulas of some HTML pages need."""
    formulas = "".join(formula for page in pages for formula in re.findall(r"<math.*?</math>", page, re.DOTALL))
    plain = set(html.unescape(re.sub(r"<[^>]*>", "", formulas)))
    return plain | {ITALIC[letter] for letter in plain & ITALIC.keys()}


def write_font(letters, path):
    """Cut the font to these characters and what stretches them, keeping its licence notes."""
    subset.main([str(FONT), f"--text={''.join(sorted(letters))}", f"--output-file={path}", "--flavor=woff2",
                 "--layout-features=ssty,dtls,flac,kern", "--no-hinting", "--desubroutinize", "--name-IDs=*"])


def add_font(app, error):
    if not error and app.builder.format == "html":
        pages = [page.read_text(encoding="utf-8") for page in sorted(Path(app.outdir).rglob("*.html"))]
        if letters := characters(pages):
            write_font(letters, Path(app.outdir) / "_static/math.woff2")


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("build-finished", add_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
