"""A kernel that can harm nothing: bubblewrap around it, limits on it, and this process, which reads its messages, outside."""

import contextlib
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import psutil
import zmq
import zmq.asyncio
from jupyter_client import AsyncKernelManager
from matplotlib import get_cachedir

from tools.installing import APT, fetch, may_install, why_not

MEGABYTE = 2**20
LIMITS = {"memory": 1500 * MEGABYTE, "processes": 64, "file": 50 * MEGABYTE, "folder": 100 * MEGABYTE, "message": 4 * MEGABYTE, "output": 8 * MEGABYTE,
          "cell": 60, "total": 300}  # the last two in seconds
FIRST_USER = 60_000  # above the users of a Debian, and below nobody
ETC = ("ld.so.cache", "alternatives", "fonts", "localtime")
INSTALL = "install it (Debian, Ubuntu: sudo apt install bubblewrap), or add UNSAFE=1 if you trust every submission"
ALLOW = "sysctl -q -w kernel.apparmor_restrict_unprivileged_userns=0"  # Ubuntu's own switch, on since 24.04


def parents(path):
    """What makes the folders above a path, which bubblewrap would close to the user inside."""
    return [word for parent in reversed(Path(path).parents[:-1]) for word in ("--perms", "0755", "--dir", str(parent))]


def wrap(command, folder):
    """A command inside a sandbox that can write to `folder` and to a /tmp of its own, and sees little else.

    Root is dropped with setpriv, because limits on processes do not bind root; everybody else gets a user namespace."""
    bwrap = ["bwrap", "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
             "--unshare-cgroup-try", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib64"):
        bwrap += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind-try", path, path]
    bwrap += ["--perms", "0755", "--dir", "/etc"]
    for path in [f"/etc/{name}" for name in ETC]:
        bwrap += ["--ro-bind-try", path, path]
    size = str(LIMITS["folder"])
    for place in ("/tmp", "/dev/shm"):
        bwrap += ["--perms", "1777", "--size", size, "--tmpfs", place]
    for path in sorted({sys.base_prefix, sys.prefix} - {"/usr"}):
        bwrap += [*parents(path), "--ro-bind", path, path]
    bwrap += ["--perms", "1777", "--dir", "/tmp/matplotlib"]
    for path in Path(get_cachedir()).glob("fontlist-*.json"):  # to make it anew takes seconds
        bwrap += ["--ro-bind", str(path), f"/tmp/matplotlib/{path.name}"]
    bwrap += [*parents(folder), "--bind", str(folder), str(folder), "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "IPYTHONDIR": "/tmp/ipython", "MPLCONFIGDIR": "/tmp/matplotlib",
                        "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C"}.items():
        bwrap += ["--setenv", name, value]
    limits = [f"--nproc={LIMITS['processes']}", f"--data={LIMITS['memory']}", f"--fsize={LIMITS['file']}",
              f"--cpu={LIMITS['total']}", "--nofile=256", "--core=0", "--"]
    if os.geteuid() == 0:
        user = str(FIRST_USER + os.getpid() % 5000)
        bwrap += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    else:
        bwrap += ["--unshare-user"]
        everybody = [process.info for process in psutil.process_iter(["uids", "num_threads"])]
        mine = sum(one["num_threads"] or 0 for one in everybody if one["uids"] and one["uids"].real == os.getuid())
        limits[0] = f"--nproc={LIMITS['processes'] + mine}"  # an older Linux counts all that this user runs
    return [*bwrap, "prlimit", *limits, *command]


def refusal():
    """Why nothing can be graded here, in one line that says what to do; nothing where a sandbox starts."""
    if sys.platform != "linux":
        return "There is no sandbox on this system: grade on Linux, or add UNSAFE=1 if you trust every submission."
    if missing := [name for name in ("bwrap", "setpriv", "prlimit") if not shutil.which(name)]:
        return f"The sandbox lacks {', '.join(missing)} (package {'bubblewrap' if 'bwrap' in missing else 'util-linux'}): {INSTALL}."
    if words := why_not(wrap(["true"], "/tmp")):
        return f"bubblewrap may not start a sandbox here ({words}): allow it user namespaces, or add UNSAFE=1 if you trust every submission."
    return ""


class Kernels(AsyncKernelManager):
    """Starts a kernel, in a sandbox unless told otherwise, and speaks to it over sockets in a folder."""

    def __init__(self, folder, unsafe=False):
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LIMITS["message"])
        super().__init__(context=context, transport="ipc", ip=f"{folder}/k", connection_file=f"{folder}/connection.json", transport_encryption="disabled")
        self.folder, self.unsafe, self.ended = folder, unsafe, ""
        self.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.kernel_spec.interrupt_mode = "message"  # a signal would end bubblewrap

    def format_kernel_cmd(self, extra_arguments=None):
        command = super().format_kernel_cmd(extra_arguments)
        if self.unsafe:
            return command
        os.chmod(self.folder, 0o777)
        os.chmod(self.connection_file, 0o644)
        return wrap(command, self.folder)

    def end(self, why):
        """Kill all that runs in the sandbox, and remember the first reason."""
        self.ended = self.ended or why
        if self.has_kernel and self.provisioner.process:
            self.provisioner.process.kill()

    def watch(self, parent):
        """In a thread: end what takes too long, too much memory or too much disk, and this process when its parent is gone."""
        end = time.monotonic() + LIMITS["total"]
        while not self.ended:
            time.sleep(0.2)
            if os.getppid() != parent:
                shutil.rmtree(self.folder, ignore_errors=True)
                os._exit(1)
            if time.monotonic() > end:
                self.end(f"It ran longer than {LIMITS['total']} seconds.")
            memory, disk = 0, 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                    memory += process.memory_info().rss
            for place, _, names in os.walk(self.folder):
                for name in names:
                    with contextlib.suppress(OSError):  # it was deleted meanwhile
                        disk += os.lstat(os.path.join(place, name)).st_size
            if memory > LIMITS["memory"]:
                self.end(f"It took more than {LIMITS['memory'] // MEGABYTE} MB of memory.")
            if disk > LIMITS["folder"]:
                self.end(f"It wrote more than {LIMITS['folder'] // MEGABYTE} MB.")

    def guard(self, parent):
        threading.Thread(target=self.watch, args=[parent], daemon=True).start()


def main():
    """On a machine that is thrown away afterwards, install bubblewrap and allow it; the grader itself says what still fails."""
    sudo = ["sudo", "-n"] if os.environ.get("GITHUB_ACTIONS") and shutil.which("sudo") else []
    for words, command in (("Installing Debian's package bubblewrap.", f"{APT}bubblewrap"), ("Allowing bubblewrap its user namespaces.", ALLOW)):
        if sys.platform == "linux" and (may_install() or sudo) and refusal():
            fetch(f"No sandbox here. {words}", [*sudo, "sh", "-c", command])


if __name__ == "__main__":
    main()
