"""A design as it was: read from a commit of the git repository that its folder is in."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from workbench.choreography import Choreography
from workbench.errors import DesignError

_MOST_BYTES = 50_000_000


def design_at(folder: Path, ref: str) -> Choreography:
    """The design that a folder held at a commit, a branch or a tag.

    Nothing in the working tree is touched, and nothing is fetched.

    Raises
    ------
    DesignError
        It is in no repository, there is no such commit, or it held no such design.
    """
    folder = folder.resolve()
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    commit = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    path = folder.relative_to(top.resolve()).as_posix()
    tree = commit.decode().strip() + ("" if path == "." else f":{path}")
    try:
        archive = _git(top, "archive", "--format=tar", tree)
    except DesignError as error:
        raise DesignError(f"there was no folder {path} at {ref}; was it moved?") from error
    if len(archive) > _MOST_BYTES:
        raise DesignError(f"{folder.name} at {ref} is too large for a design.")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / folder.name
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(place, filter="data")
        try:
            return Choreography.load(place)
        except DesignError as error:
            message = str(error).replace(str(place), f"{ref}:{path}")
            raise DesignError(f"the design as it was can't be read: {message}") from error


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False
        )
    except OSError as error:
        raise DesignError("git is not installed here, and --against asks it.") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1].removeprefix("fatal: ") if said else f"there is no commit {arguments[-1]}"
        raise DesignError(f"git can't say what {folder.name} was: {why.split('^{')[0]}.")
    return done.stdout
