"""The explorers in a real browser, against PyTorch computed here: sizes, values, the code to copy; mouse, keyboard, touch; bad links and pictures."""

import ast
import contextlib
import io
import random
import re
from urllib.parse import quote

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tools.outputs import ROOT

MODES = ["zeros", "reflect", "replicate", "circular"]
MOST = {"n": 16, "k": 7, "s": 8, "p": 8, "d": 6}
MEANT = {"Too large", "Conv2d, 3 × 3"}  # examples that show a refusal
ELEMENTS = re.compile(r"<course-explorer ([^>]*)>")
EXPLORERS = [(path.relative_to(ROOT).with_suffix("").as_posix(), dict(re.findall(r'([\w-]+)="([^"]*)"', attributes)))
             for folder in ("lessons", "reference") for path in sorted((ROOT / folder).glob("*.ipynb"))
             for cell in nbformat.read(path, as_version=4).cells for attributes in ELEMENTS.findall(cell.source)]


@pytest.fixture
def page(browser, site):
    """An empty page of the site, whose errors are the test's."""
    with browser.new_context(viewport={"width": 1000, "height": 1400}, has_touch=True) as context:
        page, errors = context.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(f"{site}/search.html")
        yield page
        assert errors == []


def core(page, call, *values):
    """Run JavaScript with the exports of core.mjs and gallery.mjs in `m`, and `values` in `v`."""
    return page.evaluate(f"""async v => {{
        const m = {{ ...await import("/_static/explorers/core.mjs"), ...await import("/_static/explorers/gallery.mjs") }};
        return {call}; }}""", list(values))


def opened(page, site, name, identity, state=""):
    """An explorer of a page of the book, drawn at a state from a link."""
    page.goto("about:blank")
    page.goto(f"{site}/{name}.html" + (f"#{identity}:{state}" if state else ""))
    if state:  # the link scrolls to its explorer, at a time of its own: another one would have to be waited for in vain
        page.evaluate("id => document.getElementById(id).follow()", identity)
    for explorer in page.locator("course-explorer").all():
        explorer.scroll_into_view_if_needed()
        explorer.locator(".explorer").wait_for()
    return page.locator(f"course-explorer#{identity}")


def numbers(explorer, role):
    """The rows that a grid shows, padding included."""
    rows = explorer.locator(f".grid.{role} [role=row]").evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.textContent))")
    return [[float(text.replace("−", "-")) for text in row] for row in rows]


def said(explorer):
    return explorer.locator(".messages").inner_text()


def torch_size(n, k, s, p, d):
    """What PyTorch gives, or None where it refuses."""
    try:
        return F.conv1d(torch.empty(1, 1, n), torch.empty(1, 1, k), stride=s, padding=p, dilation=d).shape[2]
    except RuntimeError:
        return None


def test_every_size_is_pytorchs_and_what_it_refuses_is_refused(page):
    """All settings up to the limits, and 0 where that is no setting."""
    found = iter(core(page, """(() => { const all = [], [n, k, s, p, d] = v;
        for (let a = 1; a <= n; a++) for (let b = 0; b <= k; b++) for (let c = 0; c <= s; c++) for (let e = 0; e <= p; e++) for (let f = 0; f <= d; f++) {
            try { all.push(m.outputSize(a, { kernel: b, stride: c, padding: e, dilation: f })); }
            catch (error) { if (!(error instanceof RangeError)) throw error; all.push(null); }
        } return all; })()""", *MOST.values()))
    wrong = [(n, k, s, p, d) for n in range(1, MOST["n"] + 1) for k in range(MOST["k"] + 1) for s in range(MOST["s"] + 1)
             for p in range(MOST["p"] + 1) for d in range(MOST["d"] + 1) if next(found) != torch_size(n, k, s, p, d)]
    assert wrong == [] and next(found, "none left") == "none left"


def conv(x, k, stride, padding, dilation, mode):
    """PyTorch's convolution of one channel, with the padding modes that F.pad knows."""
    x = F.pad(x[None, None], (padding[1], padding[1], padding[0], padding[0]), mode=mode.replace("zeros", "constant"))
    return F.conv2d(x, k[None, None], stride=stride, dilation=dilation)[0, 0]


def random_case(rng):
    """A small case; some do not fit, and both sides must say so."""
    h, w, kh, kw = (rng.randint(1, most) for most in (6, 7, 3, 4))
    x, k = (torch.tensor([[rng.randint(-20, 20) / 4 for _ in range(b)] for _ in range(a)], dtype=torch.double) for a, b in ((h, w), (kh, kw)))
    return x, k, [rng.randint(1, 3), rng.randint(1, 3)], [rng.randint(0, 3), rng.randint(0, 3)], [rng.randint(1, 2), rng.randint(1, 2)], rng.choice(MODES)


def test_values_and_windows_are_pytorchs(page):
    rng, cases, refused = random.Random(0), [], 0
    for _ in range(3000):
        cases.append(random_case(rng))
    given = [[x.tolist(), k.tolist(), {"stride": s, "padding": p, "dilation": d, "paddingMode": mode}] for x, k, s, p, d, mode in cases]
    found = core(page, """v[0].map(([x, k, settings]) => { try {
        return [m.conv2d(x, k, settings), m.feeds({ ...settings, input: m.sizeOf(x), kernel: m.sizeOf(k) })];
        } catch (error) { if (!(error instanceof RangeError)) throw error; return null; } })""", given)
    for (x, k, *settings), result in zip(cases, found):
        try:
            y = conv(x, k, *settings)
        except RuntimeError:
            refused += 1
            assert result is None, settings
            continue
        assert result and torch.equal(torch.tensor(result[0], dtype=torch.double), y), settings
        for r, c in [(0, 0), (len(x) - 1, len(x[0]) - 1), (len(x) // 2, len(x[0]) // 2)]:
            dot = torch.zeros_like(x)
            dot[r, c] = 1
            assert result[1][r][c] == conv(dot, torch.ones_like(k), *settings).nonzero().tolist(), (settings, r, c)
    assert 100 < refused < 2000


@pytest.mark.parametrize("rows", [3, 5])
def test_the_gallerys_answers_are_pytorchs(page, rows):
    photo = torch.tensor(np.asarray(Image.open(ROOT / "book/assets/explorers/photo.webp").convert("L"))).float()
    kernel = torch.tensor([[random.Random(rows).randint(-9, 9) + a - b for b in range(rows)] for a in range(rows)]).float()
    found = core(page, "Array.from(m.filter(Float32Array.from(v[0].flat()), 160, 106, v[1], 16))", photo.tolist(), kernel.tolist())
    assert torch.equal(torch.tensor(found).reshape(106 - rows + 1, -1), F.conv2d(photo[None, None], kernel[None, None])[0, 0] / 16)


def test_the_gallery_offers_the_kernels_of_its_lesson():
    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "lessons/06-filter-gallery.ipynb", as_version=4).cells}
    given = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(cells["kernels-figure"]).body if isinstance(node, ast.Assign)}
    [presets] = [attributes["presets"] for _, attributes in EXPLORERS if attributes["module"] == "gallery"]
    offered = {}
    for name, kernel, divisor in re.findall(r"([\w ]+): kernel=([^&]*)&divisor=(\d+)", presets):
        offered[name.strip()] = ([[int(value) for value in row.split(",")] for row in kernel.split(";")], int(divisor))
    assert offered == {name: (rows, given["divisor"].get(name, 1)) for name, rows in given["numbers"].items()}


def random_state(rng):
    """A state of the convolution explorer, most of them valid."""
    flat, h, w = rng.random() < .3, rng.randint(1, 5), rng.randint(1, 6)
    kh, kw = h if flat else rng.randint(1, 3), rng.randint(1, 3)
    write = lambda a, b: ";".join(",".join(str(rng.randint(-36, 36) / 4) for _ in range(b)) for _ in range(a))
    return (f"layer={'Conv1d' if flat else 'Conv2d'}&input={write(h, w)}&kernel={write(kh, kw)}&stride={rng.randint(1, 3)}&padding={rng.randint(0, 2)}"
            f"&padding_mode={rng.choice(MODES)}&dilation={rng.randint(1, 2)}")


def test_the_code_to_copy_gives_the_numbers_that_are_shown(page, site):
    rng, shown = random.Random(1), 0
    explorer = opened(page, site, "lessons/03-stride", "window")
    for _ in range(150):
        page.evaluate("state => { location.hash = `window:${state}`; }", random_state(rng))
        page.wait_for_function("document.querySelector('#window').getAttribute('state') + '&' !== '' && new Promise(requestAnimationFrame)")
        code = explorer.locator("details code").text_content()
        if explorer.locator(".grid.output").is_hidden():
            with pytest.raises(RuntimeError):
                exec(code, {})
            assert said(explorer)
            continue
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, space := {})
        y = space["y"][0].reshape(-1, space["y"].shape[-1])
        assert printed.getvalue().startswith("tensor(")
        assert torch.allclose(torch.tensor(numbers(explorer, "output"), dtype=torch.double), y, atol=6e-4, rtol=0)
        shown += 1
    assert shown > 75


@pytest.mark.parametrize(("name", "attributes"), EXPLORERS, ids=[f"{name}-{attributes['id']}" for name, attributes in EXPLORERS])
def test_each_explorer_opens_at_its_lessons_numbers_and_its_examples_work(page, site, name, attributes):
    explorer = opened(page, site, name, attributes["id"])
    assert said(explorer) == "" and set(attributes["state"].split("&")) <= set(explorer.get_attribute("state").split("&"))
    for example in [text.strip().split(": ")[0] for text in attributes["presets"].split("|")]:
        explorer.get_by_role("button", name=example, exact=True).click()
        assert bool(said(explorer)) == (example in MEANT), (example, said(explorer))
    explorer.get_by_role("button", name="Reset").click()
    assert said(explorer) == ""


def test_the_questions_of_the_lessons_are_answered(page, site):
    explorer = opened(page, site, "lessons/03-stride", "window")
    assert "12 of 16 pixels feed no output (hatched), 4 do" in explorer.inner_text() and explorer.locator(".unused").count() == 12
    explorer.get_by_role("button", name="5 × 5, stride 3").click()
    assert "9 of 25 pixels" in explorer.inner_text()
    size = page.locator("course-explorer#size")
    assert "Pixels 2, 3 are in no window" in size.inner_text()
    size.get_by_role("button", name="A question", exact=True).click()
    assert "is in no window" not in size.inner_text() and size.locator(".weight").count() == 0 and "?" in size.locator("math").text_content()
    for guess, verdict in [("x", "A size is a whole number"), ("3", "Not 3."), ("2", "2 is right.")]:
        size.locator("form input").fill(guess)
        page.keyboard.press("Enter")
        assert size.locator(".verdict").inner_text().startswith(verdict)


def test_mouse_keyboard_and_touch_do_the_same(page, site):
    explorer = opened(page, site, "lessons/04-padding", "window")
    cell = lambda role, row, column: explorer.locator(f".grid.{role} [role=row]").nth(row).locator("[role=gridcell]").nth(column)
    marked = lambda: explorer.locator(".grid.output .marked").count()
    cell("output", 1, 1).hover()
    assert explorer.locator(".sum").inner_text().startswith("Row 1, column 1: 1 · 1 + 1 · 0 + 1 · 1") and explorer.locator(".sum").inner_text().endswith("= 4")
    cell("input", 1, 1).hover()
    assert marked() == 4 and "feeds 4 of 25" in explorer.locator(".note").inner_text()
    cell("output", 0, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert explorer.locator(".sum").inner_text().startswith("Row 1, column 1:")
    cell("input", 1, 1).focus()
    assert marked() == 4
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    assert numbers(explorer, "input")[1][1] == 7 and numbers(explorer, "output")[0][0] == 8
    page.keyboard.type("x")
    assert explorer.locator("[role=gridcell] input").count() == 0  # letters do not begin a number
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    assert "“two” is no number" in said(explorer) and numbers(explorer, "input")[1][1] == 7
    page.keyboard.press("F2")
    page.keyboard.type("5")
    page.keyboard.press("Escape")
    assert numbers(explorer, "input")[1][1] == 7
    for press in ("tap", "click"):
        for column in (0, 1, 1):  # another cell, this one, and once more to change it
            getattr(cell("kernel", 1, column), press)()
        page.keyboard.type("−2,5" if press == "tap" else "1e9")
        page.keyboard.press("Enter")
        assert numbers(explorer, "kernel")[1][1] == -2.5
    assert "“1e9” is no number" in said(explorer)
    page.keyboard.type("4")
    explorer.locator("[role=gridcell] input").click()  # in the open field
    page.keyboard.press("Enter")
    assert numbers(explorer, "kernel")[1][1] == 4
    page.keyboard.type("1000")
    page.keyboard.press("Tab")
    assert numbers(explorer, "kernel")[1][1] == 1000 and not cell("kernel", 1, 1).evaluate("one => one.contains(document.activeElement)")
    cut = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).length"
    assert explorer.locator("[role=gridcell]").evaluate_all(cut) == 0
    cell("kernel", 1, 1).focus()
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    explorer.get_by_label("stride", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert len(numbers(explorer, "output")) == 3
    explorer.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('#window').getAttribute('state').endsWith('place=7')")
    explorer.get_by_role("button", name="Pause").click()
    explorer.get_by_role("button", name="Back").click()
    assert "place=6" in explorer.get_attribute("state")
    link = explorer.get_by_role("link").get_attribute("href")
    other = opened(page, site, "lessons/04-padding", "window", link.split(":", 1)[1])
    assert numbers(other, "kernel")[1][1] == 4 and "place=6" in other.get_attribute("state") and said(other) == ""


def test_a_link_is_not_changed_by_a_pointer_that_rests(page, site):
    explorer = opened(page, site, "lessons/04-padding", "window")
    page.add_style_tag(content="body { padding-bottom: 3000px }")
    explorer.evaluate("one => one.scrollIntoView()")
    box = explorer.locator(".grid.output [role=gridcell]").nth(12).bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    assert "place=12" in explorer.get_attribute("state")
    page.evaluate("location.hash = 'window:place=3&input=1,2,3,4,5;1,2,3,4,5;1,2,3,4,5;1,2,3,4,5;1,2,3,4,5'")
    page.wait_for_timeout(500)
    assert "place=3" in explorer.get_attribute("state")


@pytest.mark.parametrize("text", ["stride=0", "stride=-1", "stride=1000000000", "stride=NaN", "stride=", "stride=2.5", "stride=<img src=x onerror=alert(1)>", "stride=<img src=x>", "padding=99",
                                  "input=", "input=1,2;3", "input=a,b", "input=1e9", "input=" + "1," * 5000 + "1", "kernel=" + ";".join(["1"] * 99), "kernel=1,,2",
                                  "padding_mode=__proto__", "__proto__=1", "constructor=1", "colour=red", "%", "input=1&input=Infinity", "place=-1", "&&&=", "stride=2&pad"])
def test_garbage_in_a_link_gives_a_sentence(page, site, text):
    explorer = opened(page, site, "lessons/04-padding", "window", quote(text, safe="=&%,;"))
    assert said(explorer).startswith("In the link, “") or text in ("%", "&&&=") and "In the link" in said(explorer)
    assert page.locator("course-explorer img").count() == 0 and len(numbers(explorer, "output")) in (1, 2, 3, 5)
    assert "NaN" not in explorer.inner_text() or "NaN" in text
    assert ("there is no such setting here" in said(explorer)) == (text in ("__proto__=1", "constructor=1", "colour=red", "%", "&&&=", "stride=2&pad")), said(explorer)


@pytest.mark.parametrize(("name", "identity", "text"), [("lessons/04-padding", "size", "stride=0&input=huge&dilation=2"), ("lessons/06-filter-gallery", "gallery", "divisor=0&kernel=1&x=1")])
def test_garbage_for_the_others(page, site, name, identity, text):
    explorer = opened(page, site, name, identity, text)
    assert said(explorer).count("In the link") >= 2


def test_a_bad_picture_leaves_the_one_before_it(page, site, tmp_path):
    explorer = opened(page, site, "lessons/06-filter-gallery", "gallery")
    page.wait_for_function("document.querySelector('canvas.output').width === 158")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (tmp_path / "notes.txt").write_text("no picture")
    Image.new("RGB", (2, 2)).save(tmp_path / "tiny.png")
    for name, why in [("broken.png", "no picture that the browser can read"), ("notes.txt", "no picture"), ("tiny.png", "too small")]:
        explorer.locator("input[type=file]").set_input_files(tmp_path / name)
        explorer.get_by_text(why).wait_for()
        assert explorer.locator("canvas.output").get_attribute("width") == "158"
        explorer.get_by_role("button", name="identity").click()
        assert said(explorer) == ""
    explorer.locator("canvas.input").tap(position={"x": 9, "y": 9})
    assert explorer.get_by_text("window at 2, 3").count() or explorer.get_by_text("window at 3, 3").count()
    Image.new("RGB", (9000, 3000), "#204060").save(tmp_path / "huge.png")
    explorer.locator("input[type=file]").set_input_files(tmp_path / "huge.png")
    page.wait_for_function("document.querySelector('canvas.input').width === 512")
    explorer.locator("canvas.output").focus()
    page.keyboard.press("ArrowRight")
    assert set(sum(numbers(explorer, "input"), [])) == {64.0} and explorer.locator(".sum").inner_text().endswith(": 64")


def test_two_on_a_page_come_and_go_without_traces(page, site):
    window = opened(page, site, "lessons/03-stride", "window")
    window.get_by_role("button", name="1 to 16, stride 2").click()
    size = page.locator("course-explorer#size")
    size.get_by_label("s, stride").fill("2")
    assert "stride=2" in size.get_attribute("state") and numbers(window, "output") == [[14, 22], [46, 54]]
    window.get_by_role("button", name="Play").click()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def count():
        devtools.send("HeapProfiler.collectGarbage")
        return {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"] if one["name"] in ("Nodes", "JSEventListeners")}

    again = """async times => { const one = document.querySelector("#window"), parent = one.parentElement;
        for (let i = 0; i < times; i++) { one.remove(); parent.append(one); while (!one.querySelector(".explorer")) await new Promise(requestAnimationFrame); } }"""
    page.evaluate(again, 5)
    before = count()
    page.evaluate(again, 20)
    after = count()
    assert all(after[name] <= before[name] + 5 for name in before), (before, after)
    assert numbers(window, "output") == [[14, 22], [46, 54]]  # the state stays
    window.get_by_role("button", name="Play").click()
    state = page.evaluate("""async () => { const one = document.querySelector("#window"); one.remove(); const before = one.getAttribute("state");
        await new Promise(done => setTimeout(done, 1600)); return [before, one.getAttribute("state"), one.textContent]; }""")
    assert state[0] == state[1] and state[2].strip().startswith("In the book") and size.locator(".weight").count()  # it does not play on, and the other one stands


def test_without_scripts_a_sentence_stands_there(browser, site):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/lessons/03-stride.html")
        assert "you can move the window here" in page.locator("course-explorer#window").inner_text()
