"""Reading an experiment from a TOML file.

An unknown key is an error, so that a typing slip never becomes a silent default.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from train.config import Experiment


def load_experiment(path: Path, overrides: typing.Sequence[str] = ()) -> Experiment:
    """Read a TOML file, with `a.b=value` overrides (values are TOML; bare words are strings).

    Raises:
        ValueError: Unknown key, wrong type, or no TOML.
    """
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from None
    for override in overrides:
        _override(tree, override)
    return typing.cast("Experiment", _build(Experiment, tree, path.stem))


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise ValueError(f"--set {override}: write it as key=value, such as optim.epochs=3.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = key.strip().split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ValueError(f"--set {override}: {parent} is a value and has no keys.")
    tree[last] = value


def _build(kind: Any, value: Any, where: str) -> Any:
    """`value` as `kind`: dataclasses by field, dicts and tuples by item, numbers as they are.

    TOML has `nan` and `inf`. No setting may be either, and checks of ranges do not catch `nan`.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} = {value!r}: must be finite.")
    kind = _without_none(kind)
    origin = typing.get_origin(kind)
    if (dataclasses.is_dataclass(kind) or origin is dict) and not isinstance(value, dict):
        raise ValueError(f"{where} = {value!r}: must be a table.")
    if origin is tuple and not isinstance(value, list):
        raise ValueError(f"{where} = {value!r}: must be a list.")
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        _check_keys(kind, value, where)
        parts = {key: _build(hints[key], item, f"{where}.{key}") for key, item in value.items()}
        return typing.cast("Any", kind)(**parts)
    if origin is dict:
        item_kind = typing.get_args(kind)[1]
        return {key: _build(item_kind, item, f"{where}.{key}") for key, item in value.items()}
    if origin is tuple:
        return tuple(_build(typing.get_args(kind)[0], item, where) for item in value)
    if kind is Any and isinstance(value, dict):
        return {key: _build(Any, item, f"{where}.{key}") for key, item in value.items()}
    if kind is Any and isinstance(value, list):
        return [_build(Any, item, where) for item in value]
    if kind is Any:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} = {value!r}: must be {kind.__name__}.")
    return value


def _without_none(kind: Any) -> Any:
    """`int` of `int | None`: no TOML file can hold None."""
    if not isinstance(kind, types.UnionType):
        return kind
    (only,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
    return only


def _check_keys(kind: Any, table: dict[str, Any], where: str) -> None:
    """Every key is a field of the dataclass `kind`, and no field without default is left out."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ValueError(f"{where} has no key {', '.join(unknown)}; keys are {', '.join(fields)}.")
    absent = dataclasses.MISSING
    needed = {n for n, f in fields.items() if f.default is absent and f.default_factory is absent}
    if needed - set(table):
        raise ValueError(f"{where} lacks {', '.join(sorted(needed - set(table)))}.")
