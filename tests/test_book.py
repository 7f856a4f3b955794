"""The book as its readers get it: built strictly from this tree, then read page by page as HTML."""
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from PIL import Image

from book.book import git, repository, site
from tests.conftest import FORK, build
from tools.outputs import ROOT

def read_pages(folder):
    """The parsed pages of a built book by their paths."""
    paths = [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]
    return {path: soup(path.read_text(encoding="utf-8")) for path in paths}


def soup(text):
    return BeautifulSoup(text, "html.parser")


def foreign_requests(page):
    """What a page, or a style sheet, would fetch from another site."""
    found = [tag[name] for tag in page.find_all(True) for name in ("src", "srcset", "data", "poster") if tag.has_attr(name)]
    found += [tag["href"] for tag in page.find_all("link") if "canonical" not in tag.get("rel", [])]
    found += re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", str(page))
    found += [address for tag in page.find_all("script") for address in re.findall(r"(?:https?:)?//[\w-]+\.[^'\"\s]+", tag.text)]
    return [address for address in found if re.match(r"\s*(https?:)?//", address)]


def unwritten_alts(page):
    """Pictures in the text with no words of their own, or with a path for words."""
    return [image["src"] for image in page.select("article img") if re.fullmatch(r"\s*|\S*[/.]\S+", image.get("alt", ""))]


def page_faults(page):
    """What every page must have, and have once."""
    ids = [tag["id"] for tag in page.find_all(id=True)]
    wanted = {"language": "html[lang]", "title": "title", "favicon": "link[rel=icon]", "h1": "h1",
              "description": 'meta[name=description][content]:not([content=""])'}
    faults = [name for name, selector in wanted.items() if len(page.select(selector)) != 1]
    return faults + [name for name in set(ids) if ids.count(name) > 1]


def raw_tex(page):
    """TeX that a reader, or a search engine, would see."""
    shown = [text for text in page.find_all(string=True) if not text.find_parent(["code", "pre", "script", "style"])]
    return re.findall(r"\$|\\[a-zA-Z]+", " ".join(shown + [tag["content"] for tag in page.find_all("meta", content=True)]))


def dead_links(page, path, places):
    """Addresses in a page that lead to no file of the book, or to no place in it; `places` gives the ids of each page by its path."""
    found = []
    for tag in page.find_all(["a", "img", "link", "script"]):
        address = urlsplit(tag.get("href") or tag.get("src") or "")
        target = Path(os.path.normpath(path.parent / unquote(address.path))) if address.path else path
        here = not address.scheme and not address.path.startswith("/")  # the page 404 has its own address in every link
        if here and (not target.is_file() or address.fragment and unquote(address.fragment) not in places.get(target, [])):
            found.append(address.geturl())
    return found


def missing_letters(page, letters):
    """Letters of a page's formulas that the font lacks; a lone variable is drawn in mathematical italic."""
    needed = {letter for math in page.find_all("math") for letter in math.text}
    for name in {mi.text for mi in page.find_all("mi", mathvariant=False) if re.fullmatch("[A-Za-z]", mi.text)} - {"h"}:
        needed.add(unicodedata.lookup(f"MATHEMATICAL ITALIC {'CAPITAL' if name.isupper() else 'SMALL'} {name}"))
    return needed - letters


def launch_links(page):
    return [a["href"] for a in page.select("a.launch[href^=http]")]


def home_faults(one, other):
    """What differs between two copies of the home page's parts; pictures may differ by a rounding."""
    faults = [] if (one / "home.html").read_bytes() == (other / "home.html").read_bytes() else ["home.html"]
    for path in sorted(one.glob("assets/*/*.webp")):
        a, b = (np.asarray(Image.open(folder / path.relative_to(one)).convert("RGB"), dtype=int) for folder in (one, other))
        faults += [path.name] if a.shape != b.shape or abs(a - b).max() > 3 else []
    return faults


def test_every_page_and_style_sheet_passes(html):
    letters = set(map(chr, TTFont(html / "_static/math.woff2").getBestCmap()))
    pages = read_pages(html)
    assert len(pages) > 8 and any(page.math for page in pages.values())
    faults = {sheet: foreign_requests(soup(sheet.read_text(encoding="utf-8"))) for sheet in html.rglob("*.css")}
    places = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    for path, page in pages.items():
        faults[path] = [*foreign_requests(page), *unwritten_alts(page), *page_faults(page), *raw_tex(page),
                        *dead_links(page, path, places), *missing_letters(page, letters)]
    assert {path.name: found for path, found in faults.items() if found} == {}


def test_launch_links_follow_the_fork(html):
    for path, page in read_pages(html).items():
        notebook = path.relative_to(html).with_suffix(".ipynb").as_posix()
        assert launch_links(page) == [
            f"https://colab.research.google.com/github/ada/lab/blob/more/pads/{notebook}",
            f"https://mybinder.org/v2/gh/ada/lab/more%2Fpads?urlpath=lab/tree/{notebook}"] * (ROOT / notebook).exists()


def test_a_published_copy_tells_its_address(html):
    pages = [path.relative_to(html).as_posix() for path in read_pages(html)]
    listed = re.findall("<loc>(.*?)</loc>", (html / "sitemap.xml").read_text(encoding="utf-8"))
    assert sorted(listed) == [f"https://ada.github.io/lab/{name}" for name in sorted(pages) if name not in ("404.html", "search.html")]
    page = soup((html / "lessons/03-stride.html").read_text(encoding="utf-8"))
    addresses = {page.select_one("link[rel=canonical]")["href"], page.select_one('meta[property="og:url"]')["content"]}
    assert addresses == {"https://ada.github.io/lab/lessons/03-stride.html"}
    assert site("Ada/Ada.GitHub.io") == "https://ada.github.io/"


def test_the_repository_is_this_one_or_none(tmp_path):
    for change, found in [({}, ("ada/lab", "more/pads")), ({"GITHUB_REF_TYPE": "tag"}, ("ada/lab", "main")),
                          ({"GITHUB_REF_NAME": "7/merge", "GITHUB_BASE_REF": "main"}, ("ada/lab", "main")),
                          ({"GITHUB_SERVER_URL": "https://git.example.org"}, None)]:
        assert repository(tmp_path, FORK | change) == found
    git(tmp_path, "init", "-b", "trial")
    git(tmp_path, "remote", "add", "origin", "elsewhere")
    for url, found in [("elsewhere", None), ("https://github.com.example.org/bo/x", None), ("https://git.example.org/bo/x", None),
                       ("git@github.com:bo/x.y.git", "bo/x.y"), ("https://token@github.com/bo/x", "bo/x")]:
        git(tmp_path, "remote", "set-url", "origin", url)
        assert repository(tmp_path, {}) == (found and (found, "trial"))
    (tmp_path / "inner").mkdir()
    assert repository(tmp_path / "inner", {}) is None


def test_bad_tex_fails_the_build_with_its_place_and_outside_a_repository_no_page_links_to_one(tmp_path):
    shutil.copytree(ROOT / "book", tmp_path / "book")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: lesson\n")
    (tmp_path / "index.md").write_text("# Title\n\nA formula: $\\nosuch{x}$.\n\nWords.\n\n$$\\begin{align}n &= 1\\end{align}$$\n")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Lesson")]), tmp_path / "lesson.ipynb")
    done = build(tmp_path, tmp_path)
    assert done.returncode and done.stderr.count("WARNING: ") == 1
    assert re.search(r"index\.md:3: WARNING: formula not understood.*nosuch", done.stderr)
    pages = {path.name: page for path, page in read_pages(tmp_path / "_build/html").items()}
    assert "lesson.html" in pages and not [name for name, page in pages.items() if launch_links(page) or "on GitHub" in page.text]
    assert pages["index.html"].select_one("meta[name=description]")["content"] == "Words."


@pytest.mark.parametrize("shown", [True, False])
def test_one_setting_leaves_the_solutions_out(tmp_path, shown):
    shutil.copytree(ROOT / "book", tmp_path / "book")
    settings = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert settings.count("book_solutions: true") == 1
    (tmp_path / "_config.yml").write_text(settings.replace("book_solutions: true", f"book_solutions: {str(shown).lower()}"), encoding="utf-8")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: lesson\n    sections:\n"
                                       "      - {file: exercises/a, title: Exercises}\n      - {file: solutions/a, title: Solutions}\n")
    for name, text in (("index", "# Title\n\nWords."), ("lesson", "# Lesson"), ("exercises/a", "# Tasks"), ("solutions/a", "# Secret answers")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.md").write_text(f"{text}\n")
    assert build(tmp_path, tmp_path).returncode == 0
    html = tmp_path / "_build/html"
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in html.rglob("*.*") if path.suffix in (".html", ".js", ".md", ".xml")]
    assert (html / "exercises/a.html").exists() and (html / "solutions/a.html").exists() == shown
    assert any("solutions/a" in text for text in texts) == shown and any("Secret answers" in text for text in texts) == shown


def test_the_home_page_is_what_its_tool_makes(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools/home.py", tmp_path], check=True)
    assert home_faults(ROOT / "book", tmp_path) == []
    home, pictures = tmp_path / "home.html", tmp_path / "assets/home"
    home.write_text(home.read_text(encoding="utf-8").replace(">5<", ">6<"), encoding="utf-8")
    shutil.copy(pictures / "blur.webp", pictures / "sharpen.webp")
    shutil.copy(pictures / "photo.webp", tmp_path / "assets/explorers")
    assert home_faults(ROOT / "book", tmp_path) == ["home.html", "photo.webp", "sharpen.webp"]


HEAD = '<html lang="en"><title>T</title><link rel="icon">'
DESCRIBED = HEAD + '<meta name="description" content="d">'


@pytest.mark.parametrize(("check", "planted"), [
    (foreign_requests, ['<script src="https://cdn.org/a.js"></script>', '<img src="//cdn.org/a.png">', "<script>load('https://cdn.org/a')</script>",
                        '<link rel="preload" href="https://cdn.org/a.woff2">', "@font-face { src: url(https://cdn.org/a.woff2) }"]),
    (unwritten_alts, ['<article><img src="a.svg"></article>', '<article><img src="a.svg" alt="../_images/0a1b.svg"></article>']),
    (page_faults, [HEAD + "<h1>One</h1>", HEAD + '<meta name="description" content=""><h1>One</h1>', DESCRIBED + "<h1>One</h1><h1>Two</h1>",
                   DESCRIBED + '<h1 id="a">One</h1><p id="a">']),
    (raw_tex, ["<p>so $n$</p>", r'<meta name="description" content="\frac">']),
    (lambda page: dead_links(page, ROOT / "index.md", {ROOT / "README.md": {"start"}}), ['<a href="lessons/99-gone.html">', '<a href="README.md#end">']),
    (lambda page: missing_letters(page, set("nx")), ["<math><mi>n</mi></math>"]),
])
def test_each_check_sees_its_faults(check, planted):
    assert [text for text in planted if not check(soup(text))] == []
