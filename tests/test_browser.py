"""The pages in a real browser, each in the dark on a desk and in the light on a phone: requests, errors, widths, axe, keyboard, search."""

import random
import re
import shutil
from urllib.parse import quote

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

from tools.outputs import ROOT
from tools.serving import serve

VIEWS = {(mode, width): {"color_scheme": mode, "viewport": {"width": width, "height": 844}} for mode in ("light", "dark") for width in (1280, 390)}
USUAL = [("dark", 1280), ("light", 390)]
KINDS = ("index", "lessons/03-stride", "exercises/01-what-is-convolution", "solutions/01-what-is-convolution", "reference/glossary", "search")
PAGES = ["index", "search", *sorted(path.relative_to(ROOT).with_suffix("").as_posix() for folder in ("lessons", "exercises", "solutions", "reference")
                                    for path in (ROOT / folder).iterdir() if path.suffix in (".ipynb", ".md"))]


def faults(browser, address, view, passed_over=()):
    """What goes wrong when a page is opened: requests, messages, width, and what axe finds outside some parts."""
    found = []
    with browser.new_context(**view) as context:
        page = context.new_page()
        here = address.rsplit("/", address.count("/") - 2)[0]
        page.on("request", lambda request: request.url.startswith((here, "data:")) or found.append(f"asks another site for {request.url}"))
        page.on("requestfailed", lambda request: found.append(f"cannot load {request.url}"))
        page.on("response", lambda response: response.ok or response.status == 304 or found.append(f"{response.status} for {response.url}"))
        page.on("console", lambda message: message.type in ("error", "warning") and found.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: found.append(f"script: {error}"))
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        for explorer in page.locator("course-explorer").all():
            explorer.scroll_into_view_if_needed()
            explorer.locator(".explorer").wait_for()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"scrolls sideways by {wide} px"] if wide > 0 else []
        for one in Axe().run(page, {"exclude": [[part] for part in passed_over]}, {"preload": False}).response["violations"]:
            found.append(f"axe {one['id']}: {one['help']}: {one['nodes'][0]['html'][:120]}")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_fault_on_a_desk_and_on_a_phone(browser, site, name):
    found = {}
    for view in VIEWS if name in KINDS else USUAL:
        passed_over = [] if name in KINDS and view in USUAL else ["pre"]  # code has the same colours everywhere, and takes long
        found[view] = faults(browser, f"{site}/{name}.html", VIEWS[view], passed_over)
    assert {view: lines for view, lines in found.items() if lines} == {}


def test_the_404_page_is_whole_at_any_depth_of_a_fork(browser, html, tmp_path):
    (tmp_path / "lab").symlink_to(html)
    (tmp_path / "lost/deep").mkdir(parents=True)
    shutil.copy(html / "404.html", tmp_path / "lost/deep/index.html")
    address = f"{serve(tmp_path)}/lost/deep/"
    assert [fault for view in VIEWS.values() for fault in faults(browser, address, view)] == []
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_role("link", name="Stride", exact=False).first.click()
        assert page.url.endswith("/lab/lessons/03-stride.html")
        page.goto(address)
        page.get_by_role("link", name="start page").click()
        assert page.url.endswith("/lab/index.html")


@pytest.mark.parametrize(("planted", "found"), [
    ("<script src=https://example.org/x.js></script>", "asks another site for https://example.org/x.js"),
    ("<img src=gone.png alt=Gone>", "404 for"),
    ("<script>console.error('oh')</script>", "console: oh"),
    ("<script>throw Error('no')</script>", "script: no"),
    ("<p style='width: 3000px'>wide</p>", "scrolls sideways by"),
    ("<details><summary>Open</summary><img src=data:image/gif;base64,R0lGODlhAQABAAAAACw=></details>", "axe image-alt"),
])
def test_each_fault_is_seen(browser, tmp_path, planted, found):
    page = "<!doctype html><html lang=en><title>T</title><link rel=icon href=data:,><meta name=viewport content='width=device-width'><main><h1>T</h1>{}</main>"
    (tmp_path / "page.html").write_text(page.format(""))
    (tmp_path / "planted.html").write_text(page.format(planted))
    address = serve(tmp_path)
    assert faults(browser, f"{address}/page.html", VIEWS["light", 390]) == []
    assert any(one.startswith(found) for one in faults(browser, f"{address}/planted.html", VIEWS["light", 390]))


@pytest.mark.parametrize("name", KINDS[1:4])
def test_what_is_folded_opens_by_keyboard(browser, site, name):
    with browser.new_context(**VIEWS["light", 1280]) as context:
        page = context.new_page()
        page.goto(f"{site}/{name}.html")
        folds = page.locator("article details:not(course-explorer *)")
        assert folds.count()
        for fold in folds.all():
            fold.locator("summary").first.focus()
            page.keyboard.press("Enter")
            assert fold.evaluate("one => one.open")


def test_the_contents_open_and_close_on_a_phone(browser, site):
    with browser.new_context(**VIEWS["light", 390]) as context:
        page = context.new_page()
        page.goto(f"{site}/lessons/03-stride.html")
        button, contents = page.get_by_role("button", name="Contents of the book"), page.locator("dialog nav.bd-links")
        for close in (lambda: page.keyboard.press("Escape"), lambda: page.get_by_role("button", name="Close the contents").click()):
            button.click()
            contents.wait_for()
            close()
            contents.wait_for(state="hidden")
            assert button.evaluate("one => one === document.activeElement")


def other_numbers(message):
    """The same message as it would stand in somebody else's program."""
    return re.sub(r"\d+", lambda number: str(random.Random(number[0]).randint(2, 4000)), message)


def messages():
    """Every message that a cell of the page on error messages raises."""
    cells = nbformat.read(ROOT / "reference/error-messages.ipynb", as_version=4).cells
    return [output.traceback[0] for cell in cells for output in cell.get("outputs", []) if output.output_type == "error"]


def search(page, site, query):
    """The pages that the book's own search finds, best first."""
    page.goto(f"{site}/search.html?q={quote(query)}")
    page.locator(".search-summary", has_text="match").wait_for()  # said only at the end, found or not
    return [link.removeprefix(f"{site}/").split(".html")[0] for link in page.locator("ul.search a").evaluate_all("links => links.map(link => link.href)")]


def test_the_search_finds_a_term_and_a_pasted_message(browser, site):
    with browser.new_context() as context:
        page = context.new_page()
        assert "reference/glossary" in search(page, site, "equivariance") and "lessons/03-stride" in search(page, site, "equivariance")
        assert search(page, site, "xylophone") == [] and search(page, site, "stride")[0] == "lessons/03-stride"
        missed = [message for message in messages()[::4] if "reference/error-messages" not in search(page, site, other_numbers(message))[:3]]
    assert missed == []
