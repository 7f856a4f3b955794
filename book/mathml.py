"""Sphinx extension: formulas become MathML when the book is built, with one small font for all of them."""
import html
import re
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
ITALIC = dict(zip(  # a one-letter variable is written plain in MathML and drawn with these
    map(ord, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), range(0x1D434, 0x1D468))) | {
    ord("h"): 0x210E} | {code: code + 0x1D6FC - ord("α") for code in range(ord("α"), ord("ω") + 1)}


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
    """The code points that the formulas of some HTML pages need."""
    formulas = "".join("".join(re.findall(r"<math.*?</math>", page, re.DOTALL)) for page in pages)
    codes = set(map(ord, html.unescape(re.sub(r"<[^>]*>", "", formulas))))
    return codes | {ITALIC[code] for code in codes & ITALIC.keys()}


def write_font(codes, path):
    """Cut the font to these characters and what stretches them, keeping its licence notes."""
    options = subset.Options(flavor="woff2", layout_features=["ssty", "dtls", "flac", "kern"], hinting=False,
                             desubroutinize=True, name_IDs=["*"])
    font = subset.load_font(str(FONT), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(font)
    subset.save_font(font, str(path), options)


def add_font(app, error):
    if not error and app.builder.format == "html":
        pages = [page.read_text(encoding="utf-8") for page in sorted(Path(app.outdir).rglob("*.html"))]
        if codes := characters(pages):
            write_font(codes, Path(app.outdir) / "_static/math.woff2")


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("build-finished", add_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
