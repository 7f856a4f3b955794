"""Sphinx extension: links that follow the fork, and what the pages of this book need beyond the theme's."""
import json
import os
import re
import subprocess
import textwrap
from pathlib import Path
from urllib.parse import quote, urlsplit

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator


def git(folder, *arguments):
    """What git prints, or nothing where it fails or is missing."""
    try:
        return subprocess.run(["git", *arguments], cwd=folder, text=True, capture_output=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def repository(folder, env=os.environ):
    """The GitHub `owner/name` and branch that this copy of the book belongs to, or None."""
    if slug := env.get("GITHUB_REPOSITORY"):
        url = f"{env.get('GITHUB_SERVER_URL', 'https://github.com')}/{slug}"
        # A pull request is built on a merge that has no branch: its base has one.
        branch = env.get("GITHUB_BASE_REF") or (env.get("GITHUB_REF_TYPE") == "branch" and env.get("GITHUB_REF_NAME"))
    elif git(folder, "rev-parse", "--show-prefix"):  # the book lies inside somebody else's repository
        return None
    else:
        url, branch = git(folder, "remote", "get-url", "origin"), git(folder, "branch", "--show-current")
    found = re.search(r"(?://|@)github\.com[:/]([^/]+/[^/]+?)(?:\.git)?/?$", url)
    return (found[1], branch or "main") if found else None


def links(slug, branch, path):
    """Where a page's source lives, and where a notebook can be run."""
    blob = f"{slug}/blob/{quote(branch)}/{quote(path)}"
    found = {"GitHub": f"https://github.com/{blob}"}
    if path.endswith(".ipynb"):
        found["Colab"] = f"https://colab.research.google.com/github/{blob}"
        found["Binder"] = f"https://mybinder.org/v2/gh/{slug}/{quote(branch, safe='')}?urlpath=lab/tree/{quote(path)}"
    return found


def description(doctree):
    """The first paragraph without a formula, cut to what a search engine shows."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        if not any(paragraph.findall(nodes.math)):
            return textwrap.shorten(paragraph.astext(), 160, placeholder="…")
    return ""


def site(slug):
    """Where GitHub Pages shows a repository."""
    owner, name = slug.lower().split("/")
    return f"https://{owner}.github.io/" + (f"{name}/" if name != f"{owner}.github.io" else "")


def configure(app, config):
    """Settings that depend on the repository, which is found when the book is built."""
    config.book_repository = repository(app.srcdir)
    if config.book_repository:
        address = config.html_baseurl = site(config.book_repository[0])
        for extension in ("sphinx_sitemap", "sphinxext.opengraph"):  # both need the address
            app.setup_extension(extension)
        config.sitemap_url_scheme, config.sitemap_show_lastmod, config.sitemap_excludes = "{link}", False, ["404.html", "search.html"]
        config.ogp_site_url, config.ogp_site_name, config.ogp_image = address, config.html_title, f"{address}_static/home/photo.webp"
        config.ogp_social_cards, config.ogp_enable_meta_description = {"enable": False}, False  # describe_page writes the description
    prefix = config.notfound_urls_prefix = urlsplit(config.html_baseurl).path or "/"
    lost = f'This address leads nowhere. Go to the <a href="{prefix}index.html">start page</a>, or <a href="{prefix}search.html">search</a>.'
    config.notfound_context = {"title": "Page not found", "body": f"<h1>Page not found</h1><p>{lost}</p>"}
    config.html_search_scorer = str(Path(__file__).with_name("search.js"))


def leave_out_solutions(app, config):
    """Take the solutions out of the pages and the contents, where the settings say so; sphinx-external-toc has read the contents."""
    if config.book_solutions:
        return
    config.exclude_patterns = [*config.exclude_patterns, "solutions/*"]
    pages = config.external_site_map
    for name in [name for name in pages if name.startswith("solutions/")]:
        del pages[name]
    for page in pages.values():
        for part in page.subtrees:
            part.items = [item for item in part.items if not item.startswith("solutions/")]


def describe_page(app, pagename, templatename, context, doctree):
    """Give the templates this page's links and description."""
    path = Path(app.env.doc2path(pagename)).relative_to(app.srcdir).as_posix()
    if doctree and app.config.book_repository:
        context["links"] = links(*app.config.book_repository, path)
    context["description"] = description(doctree) or f"{context.get('title', 'A page')} of {app.config.html_title}."
    if "<course-explorer" in context.get("body", ""):
        app.add_js_file("explorers/host.mjs", type="module")
    for script in context["script_files"]:
        script.attributes.pop("defer", None)  # the search page's inline scripts need the others at once
        if pagename != "search" and script.filename and "documentation_options" not in str(script.filename):
            script.attributes["defer"] = "defer"


def name_cells(app, doctree):
    """Give each code cell its own id in the page, so that other pages can link to it."""
    path = app.env.doc2path(app.env.docname)
    if path.endswith(".ipynb"):
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
        for node in doctree.findall(nodes.container):
            if node.get("nb_element") == "cell_code":
                name = cells[node["cell_index"]]["id"]
                node["ids"].append(name)
                slugs[name] = (node.line, name, name)


def hide_markers(app, doctree):
    """Show a solution without the marks of nbgrader, and without the line that an answer replaces."""
    for block in doctree.findall(nodes.literal_block):
        if "### BEGIN SOLUTION" in block.astext():
            text = re.sub(r"^\w+ = \.\.\..*\n", "", block.astext(), flags=re.M)
            text = re.sub(r"(?<=\S)\n+### BEGIN SOLUTION\n", "\n\n\n# Mended:\n", text)
            text = re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", text, flags=re.M).strip("\n")
            block.rawsource, block[:] = text, [nodes.Text(text)]


def visit_image(self, node):
    """As Sphinx does, and with the size, so that a page does not jump while its figures load."""
    size = get_image_size(os.path.join(self.builder.srcdir, node["uri"]))
    node.setdefault("loading", "lazy")
    HTML5Translator.visit_image(self, node)
    if size:
        width, height = size
        keep = f' style="--width: {width}px"' if node["uri"].endswith(".svg") else ""  # digits must not shrink away
        image = self.body[-1].replace("<img ", f'<img width="{width}" height="{height}"{keep} ', 1)
        self.body[-1] = f'<div class="output">{image}</div>'  # a box that the theme's script lets the keyboard scroll


def visit_fold(self, node):
    """A folded part of a cell: plain HTML, whose visible words are also its name."""
    part = node["prompt_show"].replace("source", "code").replace("content", "code and its output")
    part = "check" if node.astext().startswith("# Check") else part
    kind = "fold result" if "output" in part else "fold"  # print unfolds results
    self.body.append(f'<details class="{kind}"><summary><span>Show the {part}</span><span>Hide the {part}</span></summary>')


def depart_fold(self, node):
    self.body.append("</details>\n")


def setup(app):
    app.add_config_value("book_repository", None, "html")
    app.add_config_value("book_solutions", True, "env", bool)
    app.connect("config-inited", configure)
    app.connect("config-inited", leave_out_solutions, priority=950)
    app.connect("doctree-read", name_cells)
    app.connect("doctree-read", hide_markers)
    app.connect("html-page-context", describe_page, priority=600)
    app.add_node(HideCodeCellNode, override=True, html=(visit_fold, depart_fold))
    app.add_node(nodes.image, override=True, html=(visit_image, HTML5Translator.depart_image))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
