"""``python -m workbench``: the same as ``workbench``, where that is not on the path."""

from workbench.cli import main

main()
