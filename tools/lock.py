"""Write requirements.lock, requirements-dev.lock and environment.yml from pyproject.toml.

``make lock`` keeps every pinned version that still fits; ``make lock ARGS=--upgrade`` takes the
newest of everything. One lock serves Python 3.11 to 3.13 on Linux, macOS and Windows, with the
SHA-256 sums of every file, so that an install takes these very files or none.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "requirements.lock"
DEV = ROOT / "requirements-dev.lock"
CONDA = ROOT / "environment.yml"

LOCK_HEADER = """\
# {what}
# Python 3.11 to 3.13 on Linux, macOS and Windows. Written by `make lock`; do not edit.
"""

CONDA_HEADER = """\
# The same environment for conda: `conda env create -f environment.yml`.
# Python comes from conda-forge, all the rest through pip, at the versions of requirements.lock.
# conda's own solver was not run in testing; the pip list was. Written by `make lock`; do not edit.
name: choreography-workbench
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.13
  - pip
  - pip:
"""


def resolve(lock: Path, what: str, *options: str) -> None:
    """Let uv resolve pyproject.toml, and what builds it, into one lock file."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as build_in:
        build_in.write("\n".join(build))
        build_in.flush()
        command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", build_in.name]
        command += ["--output-file", lock.name, "--universal", "--python-version", "3.11"]
        command += ["--fork-strategy", "fewest", "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        subprocess.run([*command, "--quiet", *options], cwd=ROOT, check=True)
    lock.write_text(LOCK_HEADER.format(what=what) + lock.read_text())


def pins(lock: Path) -> list[str]:
    """Give the requirements of a lock, ``name==version ; marker``, without their sums."""
    lines = lock.read_text().splitlines()
    return [line.rstrip(" \\") for line in lines if line and line[0] not in "# "]


def write_conda() -> None:
    """Write environment.yml: the pins of the runtime lock, and this checkout on top."""
    items = [*pins(RUNTIME), "-e ."]
    CONDA.write_text(CONDA_HEADER + "".join(f'      - "{item}"\n' for item in items))


def main(options: list[str]) -> None:
    # The larger one first: the smaller one then follows it, and both always agree.
    extras = ["--extra", "dev", "--extra", "models", "--extra", "fast", "--extra", "bench"]
    resolve(DEV, "What make test, make lint and make bench install.", *extras, *options)
    resolve(RUNTIME, "What make install installs.", "--constraint", DEV.name, *options)
    write_conda()
    print(f"Locked {len(pins(RUNTIME))} packages, {len(pins(DEV))} with those for development.")


if __name__ == "__main__":
    main(sys.argv[1:])
