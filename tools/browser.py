"""Find a Chromium or Chrome for the tests, or fetch one: part of `make test`."""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.installing import APT, fetch, may_install, why_not

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MISSING = "no Chromium or Chrome can be found or fetched here, so the pages cannot be tested: install one, then run 'make test' again"
PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "chromium"]


def runs(program):
    """Whether a program can be started; Playwright's own lacks libraries on a bare machine."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


def find():
    """The path of a browser that runs: an installed one, else Playwright's own, else None."""
    with sync_playwright() as playwright:
        candidates = [*map(shutil.which, PROGRAMS), playwright.chromium.executable_path]
    return next((program for program in candidates if program and runs(program)), None)


def main():
    """Fetch a browser where there is none; what then still fails, the tests say. Playwright's own program needs a library that a bare Debian lacks."""
    driver = [sys.executable, "-m", "playwright", "--version"]
    if (why := why_not(driver)) and may_install():
        fetch("Playwright does not start here: installing Debian's package libatomic1.", ["sh", "-c", f"{APT}libatomic1"])
        why = why_not(driver)
    if why:
        sys.exit(f"Playwright does not start here ({why}). Debian, Ubuntu: sudo apt install libatomic1. Then run 'make test' again.")
    for words, command in [("Playwright's own Chromium", PLAYWRIGHT), ("Debian's package chromium", ["sh", "-c", f"{APT}chromium"])]:
        if find():
            return
        if command is PLAYWRIGHT or may_install():
            fetch(f"No browser here: fetching {words}.", command)


if __name__ == "__main__":
    main()
