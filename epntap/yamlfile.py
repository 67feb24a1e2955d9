"""YAML files whose values remember their lines, so that errors can say where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from epntap.errors import CatalogueError
from epntap.suggestions import suggestion

_Key = tuple[str | int, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader without YAML 1.1's dates, so that '2020-01-01' stays the text it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class YamlFile:
    """A YAML mapping with the line of each of its keys.

    Attributes
    ----------
    path
        The file.
    content
        Its values.
    lines
        Line (from 1) by path of keys and indices, e.g. ``("columns", 0, "ucd")``.
    """

    path: Path
    content: dict[str, Any]
    lines: dict[_Key, int]

    def line(self, key: Iterable[str | int]) -> int:
        """Return the line of a key, or of the nearest key above it that is written."""
        path = tuple(key)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, key: Iterable[str | int], message: str) -> CatalogueError:
        """Make an error that names the file, the line and the key."""
        path = tuple(key)
        shown = ".".join(str(part) for part in path) or "the file"
        return CatalogueError(f"{self.path}, line {self.line(path)}, {shown}: {message}")


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file whose top is a mapping.

    Raises
    ------
    CatalogueError
        If the file cannot be read, is not YAML, repeats a key, or its top is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path} cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        # Where the construct began that does not end is more telling than where it had to end.
        mark = error.context_mark or error.problem_mark
        line = mark.line + 1 if mark else 1
        raise CatalogueError(f"{path}, line {line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise CatalogueError(f"{path}, line 1: expected keys and values, such as 'name: icme'")
    lines: dict[_Key, int] = {}
    content = _construct(node, (), lines, path)
    return YamlFile(path, content, lines)


def _construct(node: yaml.Node, key: _Key, lines: dict[_Key, int], path: Path) -> Any:
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            line = key_node.start_mark.line + 1
            if name in mapping:
                raise CatalogueError(f"{path}, line {line}: key {name!r} stands there twice")
            lines[(*key, name)] = line
            mapping[name] = _construct(value_node, (*key, name), lines, path)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        items = []
        for i, item in enumerate(node.value):
            lines[(*key, i)] = item.start_mark.line + 1
            items.append(_construct(item, (*key, i), lines, path))
        return items
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except yaml.YAMLError as error:
        line = node.start_mark.line + 1
        raise CatalogueError(f"{path}, line {line}: {error}") from error


def first_fault(file: YamlFile, error: ValidationError, model: type[BaseModel]) -> CatalogueError:
    """Turn the first fault that pydantic found into an error with file, line and key."""
    # A misspelt key is also a missing one: the spelling is what helps.
    faults = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    fault = faults[0]
    key = tuple(part for part in fault["loc"] if part in _written(file, fault["loc"]))
    name = str(key[-1]) if key else ""
    if fault["type"] == "extra_forbidden":
        known = _fields_at(model, fault["loc"][:-1])
        return file.error(fault["loc"], f"unknown key{suggestion(name, known)}")
    if fault["type"] == "missing":
        return file.error(fault["loc"], "this key is missing")
    message = fault["msg"].removeprefix("Value error, ")
    return file.error(key, message[:1].lower() + message[1:])


def _written(file: YamlFile, location: tuple[str | int, ...]) -> set[str | int]:
    """Return the parts of a pydantic location that are keys of the file (not union tags)."""
    parts: set[str | int] = set()
    path: _Key = ()
    for part in location:
        if (*path, part) in file.lines:
            path = (*path, part)
            parts.add(part)
    return parts


def _fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            found = current.model_fields.get(str(part))
            if found is None:
                continue
            current = _inner_model(found.annotation)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return []


def _inner_model(annotation: Any) -> Any:
    """Find the model inside ``list[Model]``, ``dict[str, Model]``, ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
