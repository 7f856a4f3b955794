"""Find a Chromium or Chrome for the tests, or fetch one: part of `make test`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MISSING = "no Chromium or Chrome can be found or fetched here, so the pages cannot be tested: install one, then run 'make test' again"
PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "chromium"]
APT = "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "  # and a package


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


def may_install():
    """Only a machine that is thrown away afterwards gets a package: as root, on a Debian, in CI or in a container."""
    thrown_away = os.environ.get("CI") or any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv")))
    return bool(thrown_away and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"))


def main():
    """Fetch a browser where there is none; what then still fails, the tests say. Playwright's own program needs a library that a bare Debian lacks."""
    driver = [sys.executable, "-m", "playwright", "--version"]
    if subprocess.run(driver, capture_output=True).returncode and may_install():
        print("Playwright does not start here: installing Debian's package libatomic1.", flush=True)
        subprocess.run(["sh", "-c", f"{APT}libatomic1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if (tried := subprocess.run(driver, text=True, capture_output=True)).returncode:
        words = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        sys.exit(f"Playwright does not start here ({words}). Debian, Ubuntu: sudo apt install libatomic1. Then run 'make test' again.")
    for words, command in [("Playwright's own Chromium", PLAYWRIGHT), ("Debian's package chromium", ["sh", "-c", f"{APT}chromium"])]:
        if find():
            return
        if command is PLAYWRIGHT or may_install():
            print(f"No browser here: fetching {words}.", flush=True)
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
