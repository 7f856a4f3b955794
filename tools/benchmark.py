"""Measure the book against Jupyter Book's own defaults for the same pages, and print ratios: `make benchmark`.

Sizes are compressed; paints are those of a slow phone (1.6 Mbit/s, 150 ms, a processor four times slower), without other sites.
Lighthouse is run where npx is there. Nothing here passes or fails.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tools.browser import FLAGS, find
from tools.outputs import ROOT
from tools.serving import Quiet, serve

PAGES = ("index", "lessons/03-stride", "lessons/06-filter-gallery", "exercises/03-stride", "solutions/03-stride", "reference/glossary", "search")
DEFAULTS = "title: Same pages\nonly_build_toc_files: true\nexecute: {execute_notebooks: %s}\nparse: {myst_enable_extensions: [dollarmath, attrs_inline]}\n"
PAINTS = """() => new Promise(done => new PerformanceObserver(list => done([
    performance.getEntriesByName("first-contentful-paint")[0].startTime, list.getEntries().at(-1).startTime]))
    .observe({type: "largest-contentful-paint", buffered: true}))"""


class Compressed(Quiet):
    """Serves as a real host does: compressed, and kept in the browser."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        body, packed = path.read_bytes(), path.suffix in (".html", ".css", ".js", ".mjs", ".svg", ".xml")
        body = gzip.compress(body) if packed else body
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)


def seconds(folder):
    """How long one build takes."""
    start = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("jupyter-book"), "build", folder, "-q"], check=True, capture_output=True)
    return time.perf_counter() - start


def builds(folder):
    """Seconds of a full build, of one with a touched page, and of one with nothing changed; the last two as medians of three."""
    full, touched, same = seconds(folder), [], []
    for _ in range(3):
        (folder / "lessons/03-stride.ipynb").touch()
        touched.append(seconds(folder))
        same.append(seconds(folder))
    return full, median(touched), median(same)


def slow(devtools):
    """Make a page's line and processor those of a slow phone."""
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 1e5})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})


def opened(browser, address):
    """What a first visit costs: kB, requests, and the two paints in milliseconds, as the median of three."""
    visits = []
    for _ in range(3):
        with browser.new_context(viewport={"width": 390, "height": 844}) as context:
            context.route(lambda url: not url.startswith(address.rsplit(":", 1)[0]), lambda route: route.abort())
            page, sizes = context.new_page(), []
            devtools = context.new_cdp_session(page)
            slow(devtools)
            devtools.on("Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]))
            page.goto(address, wait_until="load")
            visits.append((sum(sizes) / 1000, len(sizes), *page.evaluate(PAINTS)))
    return [median(column) for column in zip(*visits)]


def lighthouse(address, program):
    """The four scores of Lighthouse, or nothing where there is no npx."""
    if not shutil.which("npx"):
        return []
    command = ["npx", "--yes", "lighthouse@12", address, "--quiet", "--output=json", "--chrome-flags=--headless --no-sandbox --disable-gpu"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "CHROME_PATH": program})
    return [round(100 * category["score"]) for category in json.loads(done.stdout)["categories"].values()] if done.returncode == 0 else []


def main():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    program = find()
    with TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folders = {name: Path(temporary) / name for name in ("ours", "default", "executed")}
        for name, folder in folders.items():
            for path in tracked:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)
            if name != "ours":
                (folder / "_config.yml").write_text(DEFAULTS % ('"off"' if name == "default" else "force"))
        print("seconds                  ours  default  ratio")
        times = {name: builds(folders[name]) for name in ("ours", "default")}
        for what, ours, default in zip(("full build", "one page touched", "nothing changed"), times["ours"], times["default"]):
            print(f"{what:22}{ours:7.1f}{default:9.1f}{ours / default:7.2f}")
        executed = seconds(folders["executed"])
        print(f"full, notebooks run   {times['ours'][0]:7.1f}{executed:9.1f}{times['ours'][0] / executed:7.2f}")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        print("\npage                         kB       requests   first paint  largest paint (ours/default), Lighthouse of ours and default")
        sites = {name: serve(folders[name] / "_build/html", Compressed) for name in ("ours", "default")}
        for page in PAGES:
            found, scores = {}, {}
            for name, site in sites.items():
                address = f"{site}/{page}.html"
                found[name], scores[name] = opened(browser, address), lighthouse(address, program)
            pairs = [f"{ours:5.0f}/{default:<5.0f}" for ours, default in zip(found["ours"], found["default"])]
            print(f"{page:26}", *pairs, *scores["ours"], "|", *scores["default"], flush=True)


if __name__ == "__main__":
    main()
