"""Measure the explorers of the built book, and print them beside their targets: the second half of `make benchmark`.

Milliseconds of the main thread are medians, on this machine's own speed; the slow line is that of tools/benchmark.py.
"""

import gzip
import re
import time
from statistics import median

import torch
import torch.nn.functional as F
from playwright.sync_api import sync_playwright

from tools.benchmark import Compressed, slow
from tools.browser import FLAGS, find
from tools.outputs import ROOT
from tools.serving import serve

HTML, FOLDER = ROOT / "_build/html", ROOT / "book/assets/explorers"
STATE = "window:input=" + ";".join([",".join("1" * 20)] * 20) + "&kernel=1,0,-1;2,0,-2;1,0,-1"
WATCH = """window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(one => window.shift += one.value)).observe({type: "layout-shift", buffered: true});
    addEventListener("DOMContentLoaded", () => new MutationObserver(() => document.querySelector(".explorer") && (window.ready ??= performance.now()))
        .observe(document.body, {childList: true, subtree: true}));"""
TIMED = """async ([selector, type, times]) => { const spent = [], all = [...document.querySelectorAll(selector)];
    for (let i = 0; i < times; i++) { const one = all[(i * 7) % all.length], start = performance.now();
        if (type === "input") one.value = 1 + i % 2;
        one.dispatchEvent(new PointerEvent(type, {bubbles: true, pointerType: "mouse"})); document.body.offsetHeight;
        spent.push(performance.now() - start); await new Promise(requestAnimationFrame); }
    return spent.sort((a, b) => a - b)[times >> 1]; }"""
FILTER = """async side => { const { filter } = await import("/_static/explorers/gallery.mjs"), pixels = new Float32Array(side * side).fill(3), kernel = [[1, 2, 1], [2, 4, 2], [1, 2, 1]];
    const spent = []; for (let i = 0; i < 30; i++) { const start = performance.now(); filter(pixels, side, side, kernel, 16); spent.push(performance.now() - start); }
    return side * side / spent.sort((a, b) => a - b)[15] / 1000; }"""


def added(name):
    """Compressed kB of the scripts and the style sheet that a module brings, host included."""
    found, open_ = {"explorers.css", "host.mjs"}, [f"{name}.mjs"]
    while open_:
        found.add(one := open_.pop())
        open_ += [other for other in re.findall(r'from "\./(\w+\.mjs)"', (FOLDER / one).read_text(encoding="utf-8")) if other not in found]
    return sum(len(gzip.compress((FOLDER / one).read_bytes())) for one in found) / 1000


def ready(browser, address, throttled):
    """Milliseconds from the page's own readiness to the explorer's, and the layout shift."""
    waits = []
    for _ in range(5):
        with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
            page = context.new_page()
            if throttled:
                slow(context.new_cdp_session(page))
            page.add_init_script(WATCH)
            page.goto(address)
            page.wait_for_function("window.ready")
            waits.append((page.evaluate("window.ready - performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"), page.evaluate("window.shift")))
    return [median(column) for column in zip(*waits)]


def torch_filter(side):
    """Million pixels a second of PyTorch's convolution, one thread."""
    torch.set_num_threads(1)
    pixels, kernel, spent = torch.full((1, 1, side, side), 3.0), torch.ones(1, 1, 3, 3), []
    for _ in range(30):
        start = time.perf_counter()
        F.conv2d(pixels, kernel)
        spent.append(time.perf_counter() - start)
    return side * side / median(spent) / 1e6


def main():
    address = f"{serve(HTML, Compressed)}/lessons/03-stride.html#{STATE}"
    program = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        rows = [(f"kB added by {name}", added(name), 15) for name in ("convolution", "sizes", "gallery")]
        rows += [("ms ready after the page", *(fast := ready(browser, address, False))[:1], 130), ("ms ready, slow line", ready(browser, address, True)[0], 700),
                 ("layout shift", fast[1], 0)]
        page = browser.new_page()
        page.goto(address)
        page.locator("#window .explorer").wait_for()
        rows += [("ms hover an output, 20 x 20", page.evaluate(TIMED, ["#window .grid.output [role=gridcell]", "pointermove", 200]), 4),
                 ("ms hover an input", page.evaluate(TIMED, ["#window .grid.input [role=gridcell]", "pointermove", 200]), 4),
                 ("ms move a slider", page.evaluate(TIMED, ["#window [aria-label=stride]", "input", 60]), 7)]
        ours, theirs = page.evaluate(FILTER, 512), torch_filter(512)
    print(f"\n{'explorers':30}{'found':>9}{'target':>9}{'ratio':>8}")
    for name, found, target in rows:
        print(f"{name:30}{found:9.1f}{target:9}{found / target if target else found:8.2f}")
    print(f"{'million pixels/s, 3 x 3':30}{ours:9.0f}, PyTorch on one thread {theirs:.0f}: ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
