"""Make ``kafka.lock.json`` again: ``python -m workbench.brokers.local.lock [VERSION]``.

Without a version the newest release of Kafka is taken. ``jgo`` resolves it and everything it needs
at run time, each jar is downloaded and hashed, and the list is written for a person to read in the
diff and commit. Nobody runs this in daily work: only to move to another Kafka.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .download import maven
from .jars import LOCK_FILE

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

KAFKA = "org.apache.kafka:kafka_2.13"
BINDING = "org.apache.logging.log4j:log4j-slf4j-impl"  # the one that Kafka itself ships with


def resolve(context: MavenContext, version: str) -> list[Artifact]:
    """Every jar that Kafka `version` needs at run time, and its logging binding."""
    kafka = context.create_dependency(f"{KAFKA}:{version}")
    needed = _artifacts(context, kafka)
    log4j = next(jar.version for jar in needed if jar.artifactId == "log4j-core")
    # The "!" keeps the binding's own ideas of other versions out: without it jgo takes its parent
    # as a list of versions for the whole, and mixes an older kafka-clients into a newer Kafka.
    binding = context.create_dependency(f"{BINDING}:{log4j}!")
    return _artifacts(context, kafka, binding)


def make_lock(version: str | None = None) -> dict[str, Any]:
    """The content of the lock for Kafka `version`, or for the newest release."""
    with tempfile.TemporaryDirectory() as folder:
        context = maven(Path(folder))
        project = context.project(*KAFKA.split(":"))
        project.update()
        version = version or project.release
        assert version is not None
        artifacts = resolve(context, version)
        with ThreadPoolExecutor(6) as pool:
            jars = list(pool.map(_locked, artifacts))
    return {"kafka": version, "jars": sorted(jars, key=lambda jar: str(jar["coordinate"]))}


def main() -> None:
    """Write the lock beside this file."""
    lock = make_lock(*sys.argv[1:2])
    LOCK_FILE.write_text(json.dumps(lock, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{LOCK_FILE.name}: Kafka {lock['kafka']}, {len(lock['jars'])} jars\n")


def _artifacts(context: MavenContext, *dependencies: Any) -> list[Artifact]:
    given, found = context.resolver.resolve(list(dependencies))
    return [
        dependency.artifact
        for dependency in (*given, *found)
        if dependency in given or dependency.scope in {"compile", "runtime"}
    ]


def _locked(artifact: Artifact) -> dict[str, str | int]:
    content = artifact.resolve().read_bytes()
    return {
        "coordinate": f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


if __name__ == "__main__":
    main()
