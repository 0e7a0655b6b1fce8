#!/bin/sh
# Print the newest Python 3.11 to 3.13 on the path that really runs and can make a venv.
# PYTHON=... asks for that one instead. With none, say in a sentence what to do.
set -u

# Prints "<minor> <venv or no-venv> <path>" for one that fits, "- <version>" for any other.
# A name on the path may be a stub of a version manager, so only a run tells.
probe='
import sys
major, minor = sys.version_info[:2]
if major != 3 or not 11 <= minor <= 13:
    sys.stdout.write("- %d.%d" % (major, minor))
    sys.exit()
try:
    import ensurepip, venv
    ensurepip.version()
    kind = "venv"
except Exception:
    kind = "no-venv"
sys.stdout.write("%d %s %s" % (minor, kind, sys.executable))
'

# Every place on the path, not only the first: a stub must not hide the real one behind it.
candidates() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" || echo "$PYTHON"
        return
    fi
    for name in python3.13 python3.12 python3.11 python3 python; do
        (IFS=:; set -f; for folder in $PATH; do echo "${folder:-.}/$name"; done)
    done
}

# How this system installs a Python with venv; $1 is the minor version if that is known.
remedy() {
    if [ "$(uname -s)" = Darwin ]; then
        echo "brew install python@3.13"
    elif command -v apt-get >/dev/null; then
        for minor in ${1:-13 12 11}; do
            if apt-cache show "python3.$minor-venv" >/dev/null 2>&1; then
                echo "sudo apt install python3.$minor-venv"
                return
            fi
        done
        echo "sudo apt update && sudo apt install python3${1:+.$1}-venv"
    elif command -v dnf >/dev/null; then
        echo "sudo dnf install python3.13"
    else
        echo "see https://www.python.org/downloads/"
    fi
}

best= best_minor=0 without= without_minor= others=
while read -r candidate; do
    [ -x "$candidate" ] && [ ! -d "$candidate" ] || continue
    answer=$("$candidate" -c "$probe" 2>/dev/null </dev/null) || continue
    case $answer in
        "- "*) others="$others, $candidate is ${answer#- }" ;;
        *" no-venv "*) without=${without:-${answer#* * }} without_minor=${without_minor:-${answer%% *}} ;;
        *" venv "*)
            if [ "${answer%% *}" -gt "$best_minor" ]; then
                best=${answer#* * } best_minor=${answer%% *}
            fi ;;
    esac
done <<EOF
$(candidates)
EOF

if [ -n "$best" ]; then
    echo "$best"
elif [ -n "$without" ]; then
    echo "$without can't make a virtual environment; install what it lacks: $(remedy "$without_minor")" >&2
    exit 1
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is no Python 3.11 to 3.13 that runs${others:+ (${others#, })}." >&2
    exit 1
else
    echo "No Python 3.11 to 3.13 on the path${others:+ (${others#, })}; install one: $(remedy)" >&2
    exit 1
fi
