"""Which fields of an event a Python handler touches, by its source; the handler is never called.

What the first parameter is, and names given to parts of it, are followed through assignments,
loops and ``match``. Where the event as a whole is handed on (to another function, say), any field
may be read: the path ``""``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from workbench.choreography.impact.cel_fields import joined

_LOOKUPS = {"get", "pop", "setdefault"}
_OF_THE_ENVELOPE = {"payload", "data"}


def code_fields(handler: Callable[..., Any]) -> list[str] | None:
    """The paths that a handler's source touches; ``None`` if there is no source to look at."""
    handler = inspect.unwrap(handler)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(handler)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    name = getattr(handler, "__name__", "")
    own = [node for node in functions if getattr(node, "name", "<lambda>") == name]
    if len(own) != 1:
        return None
    parameters = [p.arg for p in (*own[0].args.posonlyargs, *own[0].args.args)]
    if inspect.ismethod(handler):
        parameters = parameters[1:]
    if not parameters:
        return None
    looking = _Looking({parameters[0]: ""})
    body = own[0].body
    for statement in body if isinstance(body, list) else [body]:
        looking.visit(statement)
    found = dict.fromkeys(looking.found)
    entered = [path for path in looking.looped if not any(f.startswith(f"{path}[]") for f in found)]
    return [*found, *(path for path in dict.fromkeys(entered) if path not in found)]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class _Looking(ast.NodeVisitor):
    """Follows names; ``names`` is name → the path that it stands for."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self.found: list[str] = []
        self.looped: list[str] = []
        """What is looped over, be the entries looked at or not."""

    def visit(self, node: ast.AST) -> None:
        """Note an expression that is a path; look into every other node."""
        path = self._path(node)
        if path is not None:
            self.found.append(path)
            return
        super().visit(node)

    # --- names ------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        """Let a name stand for a path."""
        self._bind(node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """... and with an annotation, too."""
        if node.value is not None:
            self._bind([node.target], node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """... and within an expression; it is read there as well."""
        self.visit(node.value)
        self._bind([node.target], node.value)

    def visit_For(self, node: ast.For) -> None:
        """Let a loop's variable stand for an entry."""
        self._loop(node.target, node.iter)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """... a comprehension's, too."""
        self._loop(node.target, node.iter)
        for condition in node.ifs:
            self.visit(condition)

    def generic_visit(self, node: ast.AST) -> None:
        """Look at a comprehension's loops before what is made of their variables."""
        for loop in getattr(node, "generators", ()):
            self.visit(loop)
        for name, part in ast.iter_fields(node):
            if name != "generators":
                for child in part if isinstance(part, list) else [part]:
                    if isinstance(child, ast.AST):
                        self.visit(child)

    def _bind(self, targets: list[ast.expr], value: ast.expr) -> None:
        path = self._path(value)
        if path is None or not all(isinstance(target, ast.Name) for target in targets):
            self.visit(value)
        for target in targets:
            if isinstance(target, ast.Name) and path is not None:
                self._names[target.id] = path
            elif isinstance(target, ast.Name):
                self._names.pop(target.id, None)
            else:
                self.visit(target)

    def _loop(self, target: ast.expr, over: ast.expr) -> None:
        path = self._path(over)
        if path and isinstance(target, ast.Name):
            self._names[target.id] = f"{path}[]"
            self.looped.append(path)
        else:
            self.visit(over)
            if isinstance(target, ast.Name):
                self._names.pop(target.id, None)

    # --- match ------------------------------------------------------------------------------

    def visit_Match(self, node: ast.Match) -> None:
        """Take what patterns name for read."""
        path = self._path(node.subject)
        if path is None:
            self.visit(node.subject)
        for case in node.cases:
            if path is not None:
                self._pattern(case.pattern, path)
            for part in (case.guard, *case.body):
                if part is not None:
                    self.visit(part)

    def _pattern(self, pattern: ast.pattern, path: str) -> None:
        match pattern:
            case ast.MatchClass(patterns=[], kwd_attrs=names, kwd_patterns=inner):
                for name, below in zip(names, inner, strict=True):
                    self._pattern(below, joined(path, name))
            case ast.MatchMapping(keys=keys, patterns=inner, rest=None):
                for key, below in zip(keys, inner, strict=True):
                    if isinstance(key, ast.Constant):
                        self._pattern(below, joined(path, str(key.value)))
            case ast.MatchAs(pattern=None, name=None):
                if path:
                    self.found.append(path)
            case ast.MatchAs(pattern=inner_pattern, name=name):
                if inner_pattern is not None:
                    self._pattern(inner_pattern, path)
                if name is not None:
                    self._names[name] = path
            case ast.MatchOr(patterns=several):
                for one in several:
                    self._pattern(one, path)
            case _:
                self.found.append(path)

    # --- expressions ------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        """Take a method for a look at all that it is a method of."""
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            return
        if isinstance(node.func, ast.Attribute):
            path = self._path(node.func.value)
            if path is not None:
                self.found.append(path)
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    self.visit(argument)
                return
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """The envelope in the context holds the payload, too."""
        inner = node.value
        if isinstance(inner, ast.Attribute) and inner.attr == "envelope":
            if node.attr in _OF_THE_ENVELOPE:
                self.found.append("")
            return
        self.generic_visit(node)

    def _path(self, node: ast.AST) -> str | None:
        """The path that an expression stands for, if it stands for one."""
        match node:
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.Attribute(value=value, attr=name):
                return self._below(value, name)
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                return self._below(value, name)
            case ast.Subscript(value=value, slice=ast.Constant() | ast.UnaryOp() | ast.Slice()):
                path = self._path(value)
                return f"{path}[]" if path else path
            case ast.Call(
                func=ast.Attribute(value=value, attr=method),
                args=[ast.Constant(value=str(name)), *_],
            ) if method in _LOOKUPS:
                return self._below(value, name)
            case ast.Call(
                func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), *_]
            ):
                return self._below(value, name)
        return None

    def _below(self, value: ast.expr, name: str) -> str | None:
        path = self._path(value)
        return None if path is None else joined(path, name)
