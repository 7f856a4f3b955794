"""What a program of the tests or the grader lacks on a bare machine: why it does not run, and a package for it."""

import os
import shutil
import subprocess

APT = "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "  # and a package


def may_install():
    """Only a machine that is thrown away afterwards gets a package: as root, on a Debian, in CI or in a container."""
    thrown_away = os.environ.get("CI") or any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv")))
    return bool(thrown_away and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"))


def why_not(command):
    """The last line of what a command complains of; nothing where it runs."""
    tried = subprocess.run(command, text=True, capture_output=True)
    return (tried.stderr.strip().splitlines() or ["no reason given"])[-1] if tried.returncode else ""


def fetch(words, command):
    """Say what is fetched, and run the command for it; whether it helped, the caller sees."""
    print(words, flush=True)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
