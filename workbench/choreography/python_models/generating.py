"""Python source by ``datamodel-code-generator``, made into events, and checked."""

from __future__ import annotations

import ast
import json
import keyword
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.choreography.python_models.checking import check_source, imported_names
from workbench.choreography.python_models.sayable import CARRIED, Sayable
from workbench.errors import DesignError

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

_HEADER = '''"""Event types of a design, made by ``workbench models``: change the design, not this."""

'''


def python_source(choreography: Choreography) -> str:
    """See :meth:`Choreography.python_source`."""
    for name in choreography.event_types:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise DesignError(
                f"no Python class can be called {name!r}: letters, digits and '_' only."
            )
    if not choreography.event_types:
        raise DesignError("this design has no event types yet.")
    try:
        sayable = Sayable(choreography.event_types.values())
        source = _as_events(_generated(sayable), sayable)
    except RecursionError as error:
        raise DesignError("a schema is nested too deeply for Python classes.") from error
    check_source(source)
    return source


def _generated(sayable: Sayable) -> str:
    try:
        from datamodel_code_generator import (
            InputFileType,
            LiteralType,
            PythonVersion,
            generate,
        )
        from datamodel_code_generator.enums import DataModelType
        from datamodel_code_generator.format import Formatter
    except ImportError as error:
        raise DesignError(
            "Python models need datamodel-code-generator: "
            "pip install 'choreography-workbench[models]'."
        ) from error
    try:
        with tempfile.TemporaryDirectory() as empty, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = generate(
                json.dumps(sayable.schema),
                input_file_type=InputFileType.JsonSchema,
                output_model_type=DataModelType.PydanticV2BaseModel,
                target_python_version=PythonVersion.PY_311,
                settings_path=Path(empty),  # not those of the folder we are called in
                formatters=[Formatter.BUILTIN],
                builtin_format_line_length=100,
                use_double_quotes=True,
                disable_timestamp=True,
                allow_remote_refs=False,
                strict_refs=True,
                skip_root_model=True,
                enum_field_as_literal=LiteralType.All,
                use_annotated=True,
                field_constraints=True,
                use_standard_collections=True,
                use_union_operator=True,
                use_schema_description=True,
                use_field_description=False,
                use_missing_sentinel=True,
                strict_nullable=True,
                aliases={"event_type": "event_type_"},
                field_extra_keys_without_x_prefix=CARRIED,
                model_extra_keys_without_x_prefix=CARRIED,
            )
    except RecursionError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise DesignError(f"these schemas can't be made into Python classes: {reason}.") from error
    if not isinstance(made, str):
        raise DesignError("these schemas make more than one module; rename what has a dot.")
    return made


def _as_events(source: str, sayable: Sayable) -> str:
    """Let the classes of event types be events, with their version and key."""
    lines = source.splitlines()
    body = ast.parse(source).body
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    taken = {*imported_names(source), "Event"}
    for name in sayable.events:
        node = classes.get(name)
        if node is None or name in taken or not _is_model(node):
            raise DesignError(f"no Python class can be called {name!r}; Python needs that name.")
    for name, node in classes.items():
        event_type = sayable.events.get(name)
        base = [ast.unparse(node.bases[0]) if event_type is None else "Event"]
        if event_type is not None:
            base.append(f"version={event_type.version}")
            if event_type.key is not None:
                base.append(f"key={json.dumps(event_type.key)}")
        if name in sayable.with_typed_defaults:
            base.append("validate_default=True")
        if "alias=" in "\n".join(lines[node.lineno : node.end_lineno]):
            base.append("validate_by_name=True")
        if len(base) > 1:
            lines[node.lineno - 1] = f"class {name}({', '.join(base)}):"
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    taken_from: dict[str, list[ast.alias]] = {}
    for line in imports:  # what was an experiment of pydantic's is in pydantic itself now
        home = "pydantic" if str(line.module).startswith("pydantic.") else str(line.module)
        taken_from.setdefault(home, []).extend(line.names)
    if classes.keys() == sayable.events.keys():  # no class is a plain model any more
        plain = taken_from["pydantic"]
        taken_from["pydantic"] = [alias for alias in plain if alias.name != "BaseModel"]
    head = {
        home: ast.unparse(ast.ImportFrom(home, sorted(names, key=lambda a: _isorted(a.name)), 0))
        for home, names in taken_from.items()
        if names
    }
    groups = (
        [head.pop("__future__")],
        [head[home] for home in head if home != "pydantic"],
        [head["pydantic"]] if "pydantic" in head else [],
        ["from workbench import Event"],
    )
    written = "\n\n".join("\n".join(group) for group in groups if group)
    after = max(int(node.end_lineno or 0) for node in imports)
    return f"{_HEADER}{written}\n\n\n" + "\n".join(lines[after:]).strip() + "\n"


def _is_model(node: ast.ClassDef) -> bool:
    return ast.unparse(node.bases[0]).startswith("BaseModel")


def _isorted(name: str) -> tuple[int, str]:
    """Constants first, then classes, as sorted imports have them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name
