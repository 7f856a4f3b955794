#!/bin/sh
# Makes .venv and installs what the book needs or, with the word "tests", what the tests need too.
# Usage: tools/setup.sh book|tests. Once done, it does nothing until a list of packages changes.
set -eu
unset CDPATH PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIRE_VIRTUALENV
# LC_ALL: pip's messages are searched below. PIP_USER: a user's own setting would install outside .venv.
export LC_ALL=C PYTHONUTF8=1 PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
cd -P "$(dirname "$0")/.."

fail() { echo "$1" >&2; exit 1; }
sums() { cat constraints.txt "$@" | cksum; }

what=${1-}
case "$what" in
    book) lists=requirements.txt ;;
    tests) lists="requirements.txt tests/requirements.txt" ;;
    *) fail "Usage: tools/setup.sh book|tests" ;;
esac
book_sums=$(sums requirements.txt)
sums=$(sums $lists)
log=_build/setup.log
fresh=

finish() {
    status=$?
    trap '' HUP INT TERM
    if [ -n "$fresh" ]; then rm -rf .venv; fi
    exit "$status"
}
trap finish EXIT
trap 'fail "Stopped before the set-up was done. Run the same command again."' HUP INT TERM

# Prints the version, whether it can make an environment, and the Python behind a shim or an active environment.
describe() {
    "$1" -c 'import sys
try: import ensurepip, venv; able = "able"
except ImportError: able = "unable"
print("%d.%d %s %s" % (sys.version_info[0], sys.version_info[1], able, getattr(sys, "_base_executable", sys.executable)))
' 2>/dev/null
}

supported() { case "$1" in 3.11\ * | 3.12\ * | 3.13\ *) ;; *) return 1 ;; esac; }

# A moved .venv still runs, but its commands name the folder that it was made in.
works() { supported "$(describe .venv/bin/python)" && grep -q -s -F -- " $PWD/.venv" .venv/pyvenv.cfg; }

done_before() { [ -f ".venv/$what.sums" ] && [ "$(cat ".venv/$what.sums")" = "$sums" ]; }

find_python() {
    old= unable=
    for candidate in "${PYTHON-}" python3 python3.13 python3.12 python3.11 python; do
        found=$(describe "$candidate") || continue
        read -r version able python <<END
$found
END
        if ! supported "$found"; then old=${old:-" (found only $version: $python)"}
        elif [ "$able" = unable ]; then unable=${unable:-$version}
        else return 0; fi
    done
    [ -z "$unable" ] || fail "Python $unable cannot make environments here. On Debian or Ubuntu: sudo apt install python$unable-venv. Then run the same command again."
    fail "This needs Python 3.11, 3.12 or 3.13$old. Install one from python.org, or name yours: make book PYTHON=/path/to/python3.12"
}

make_venv() {
    find_python
    fresh=yes
    rm -rf .venv
    echo "Making .venv with Python $version ($python)."
    "$python" -m venv "$PWD/.venv" >"$log" 2>&1 || fail "Could not make .venv: $(tail -n 1 "$log")"
}

install() {
    if [ -n "$fresh" ]; then echo "Installing PyTorch, Jupyter Book and what goes with them: some minutes, once. To watch: tail -f $log"
    else echo "Adding what .venv lacks."; fi
    rm -f .venv/*.sums
    .venv/bin/python -m pip install --progress-bar off -r $(echo $lists | sed 's/ / -r /') >"$log" 2>&1 && return
    if grep -q 'No space left' "$log"; then fail "The disk is full. Free some gigabytes, then run the same command again."; fi
    if grep -q -E 'connection broken|Failed to establish|Max retries|name resolution|ReadTimeout' "$log"; then
        fail "The package index cannot be reached. Check the network, then run the same command again (pip's words: $log)."
    fi
    fail "Installing failed: $(sed -n 's/^ERROR: //p' "$log" | sed 1q) (all of pip's words: $log)"
}

if works && done_before; then exit; fi
mkdir -p _build
works && .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
install
# The first import lists the fonts of the machine, and its warning about the time that takes would fail a notebook.
MPLCONFIGDIR="$PWD/.venv/matplotlib" .venv/bin/python -c 'import matplotlib.font_manager' 2>/dev/null || true
echo "$book_sums" >.venv/book.sums
echo "$sums" >".venv/$what.sums"
rm -f "$log"
fresh=
