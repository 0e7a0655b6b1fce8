#!/bin/sh
# Make .venv hold what the lock says. When it already does, nothing is asked of the network.
#
#   tools/install.sh        the workbench and what it runs on   (requirements.lock)
#   tools/install.sh dev    and what testing it needs           (requirements-dev.lock)
set -eu
cd "$(dirname "$0")/.."

kind=${1:-runtime}
case $kind in
    dev) lock=requirements-dev.lock ;;
    *) lock=requirements.lock ;;
esac
venv=$(pwd -P)/.venv
python=$venv/bin/python
half_made=$venv/.half-made       # there only while something is being installed
installed=$venv/.installed-$kind # the sums of what the last install was made from
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    echo "$*" >&2
    exit 1
}

base() {
    "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null || true
}

# Say why .venv can't be used as it stands; nothing if it can.
trouble() {
    if [ -e "$half_made" ]; then
        echo "was left half-made"
    elif ! "$python" -c 'import pip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        echo "has no Python 3.11 to 3.13 that runs"
    elif ! grep -qF "$venv" "$venv/bin/activate"; then
        echo "was made in another folder"
    elif [ -n "${PYTHON:-}" ] && [ "$(base "$PYTHON")" != "$(base "$python")" ]; then
        echo "was made with another Python than $PYTHON"
    fi
}

# pip's own words go by as one counter, on a terminal; its warnings and errors stay.
counter() {
    count=0
    while read -r word name _; do
        if [ "$word" = Collecting ] && [ -t 1 ]; then
            count=$((count + 1))
            printf '\r\033[K  %d: %s' "$count" "$name"
        elif [ "$word" = Installing ] && [ -t 1 ]; then
            printf '\r\033[K  unpacking'
        fi
    done
    if [ -t 1 ]; then printf '\r\033[K'; fi
}

pip_installs() {
    "$python" -m pip install --progress-bar off --require-hashes --only-binary :all: -r "$lock" &&
        "$python" -m pip install --no-index --no-deps --no-build-isolation -e . &&
        cksum pyproject.toml "$lock" >"$installed"
}

if [ -e "$venv" ] || [ -L "$venv" ]; then
    why=$(trouble)
    if [ -n "$why" ]; then
        found=$(sh tools/find_python.sh) # first: with no Python to be had, the old .venv stays
        echo "The .venv here $why: making it again."
        rm -rf "$venv"
    fi
fi

if [ ! -e "$venv" ]; then
    found=${found:-$(sh tools/find_python.sh)}
    echo "Making .venv with $("$found" -V), $found."
    mkdir "$venv"
    touch "$half_made"
    "$found" -m venv "$venv" || fail "$found could not make .venv; the reason is above."
fi

sums=$(cksum pyproject.toml "$lock")
if [ "$(cat "$installed" 2>/dev/null)" != "$sums" ]; then
    echo "Installing the $(grep -c == "$lock") packages of $lock; the first time takes minutes."
    touch "$half_made"
    rm -f "$installed"
    pip_installs | counter
    rm -f "$half_made"
    [ -e "$installed" ] || fail "pip could not install the packages; the reason is above. \`make install\` tries again."
    if [ "$kind" = dev ]; then cksum pyproject.toml requirements.lock >"$venv/.installed-runtime"; fi
fi
