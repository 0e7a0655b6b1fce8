"""That generated source holds data classes and nothing else, whatever stood in the schemas.

Names, texts and defaults of a schema end up in source that somebody imports. The generator quotes
them; this does not rely on it. It parses the source and takes only what is known to do nothing:
imports of a few names, classes, annotations, and literals in them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from workbench.errors import DesignError

_MODULES = {
    "__future__", "datetime", "decimal", "pydantic", "typing", "uuid", "workbench"
}  # fmt: skip
_CALLED = {"ConfigDict", "Field"}
_TYPES = {"bool", "dict", "float", "int", "list", "str"}
_EXPRESSIONS = (
    ast.BinOp, ast.BitOr, ast.Constant, ast.Dict, ast.List, ast.Load, ast.Store, ast.Subscript,
    ast.Tuple, ast.UnaryOp, ast.USub, ast.keyword,
)  # fmt: skip


def imported_names(source: str) -> dict[str, str]:
    """The names that a module imports, and from where."""
    return {
        alias.asname or alias.name: str(node.module)
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def check_source(source: str) -> None:
    """Raise a :class:`DesignError` for anything but data classes, and say the line."""
    module = ast.parse(source)
    for node in _Check(module).suspicious(module):
        line = getattr(node, "lineno", 0)
        raise DesignError(
            f"the models would hold more than data classes ({type(node).__name__} in line {line}), "
            "so nothing is written; which name or text in a schema does that?"
        )


class _Check:
    """What the names of a module mean, and all in it that may do something."""

    def __init__(self, module: ast.Module) -> None:
        imports = [node for node in module.body if isinstance(node, ast.ImportFrom)]
        bound = {alias.asname or alias.name for node in imports for alias in node.names}
        classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
        self.known = {*bound, *classes, *_TYPES}
        self.called = {
            alias.asname or alias.name
            for node in imports
            for alias in node.names
            if node.module == "pydantic" and alias.name in _CALLED
        }

    def suspicious(self, module: ast.Module) -> Iterator[ast.AST]:
        for n, node in enumerate(module.body):
            if isinstance(node, ast.ImportFrom):
                if node.module not in _MODULES or node.level:
                    yield node
            elif isinstance(node, ast.ClassDef):
                yield from self._in_class(node)
            elif not (n == 0 and _is_text(node)) and not _is_rebuild(node):
                yield node

    def _in_class(self, node: ast.ClassDef) -> Iterator[ast.AST]:
        yield from node.decorator_list
        for part in (*node.bases, *node.keywords):
            yield from self._in_expression(part)
        for n, statement in enumerate(node.body):
            if isinstance(statement, ast.AnnAssign):
                yield from self._in_expression(statement.target)
                yield from self._in_expression(statement.annotation)
                if statement.value is not None:
                    yield from self._in_expression(statement.value)
            elif isinstance(statement, ast.Assign):
                for part in (*statement.targets, statement.value):
                    yield from self._in_expression(part)
            elif not isinstance(statement, ast.Pass) and not (n == 0 and _is_text(statement)):
                yield statement

    def _in_expression(self, expression: ast.AST) -> Iterator[ast.AST]:
        functions = {id(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
        for node in ast.walk(expression):
            if isinstance(node, ast.Call):
                if not isinstance(node.func, ast.Name) or node.func.id not in self.called:
                    yield node
            elif isinstance(node, ast.Name):
                is_type = node.id in self.known - self.called or id(node) in functions
                if isinstance(node.ctx, ast.Load) and not is_type:
                    yield node
            elif not isinstance(node, _EXPRESSIONS):
                yield node


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_rebuild(node: ast.AST) -> bool:
    """``OrderPlaced.model_rebuild()``, after classes that refer to each other."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "model_rebuild"
        and isinstance(node.value.func.value, ast.Name)
        and not (node.value.args or node.value.keywords)
    )
