"""Writes the tables of docs/ that the code knows better (`make lists`): options, settings, fields, columns.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; a test holds that none is out of date.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from OsteoJointLib.cli.main import build_parser  # noqa: E402
from OsteoJointLib.config import network_config  # noqa: E402
from OsteoJointLib.output.csv_rows import COLUMN_MEANINGS  # noqa: E402
from OsteoJointLib.output.fields import BASELINE, CASE, CLASS, ESTIMATE, IMAGE, LEVEL  # noqa: E402
from OsteoJointLib.pipeline.settings import PipelineConfig  # noqa: E402
from training.__main__ import build_parser as build_training_parser  # noqa: E402

_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", " or ") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """List the commands of a parser, by name."""
    return next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices


def options_of(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Options and arguments of one command, each with its help, but the hidden ones and --help."""
    shown = [a for a in parser._actions if a.help != argparse.SUPPRESS and "--help" not in a.option_strings]
    return [(_usage(action), parser._get_formatter()._expand_help(action)) for action in shown]


def _usage(action: argparse.Action) -> str:
    value = (
        action.metavar or "|".join(map(str, action.choices or ())) or (action.dest.upper() if action.nargs != 0 else "")
    )
    return f"`{' '.join([*action.option_strings[-1:], *([str(value)] if value and action.nargs != 0 else [])])}`"


def options_table(parser: argparse.ArgumentParser) -> str:
    """All options of all commands: an option that several commands share has one row."""
    rows: dict[tuple[str, str], list[str]] = {}
    for name, command in commands_of(parser).items():
        for option in options_of(command):
            rows.setdefault(option, []).append(f"`{name}`")
    return table(
        ("command", "option", "meaning"), [(", ".join(names), use, text) for (use, text), names in rows.items()]
    )


def result_table() -> str:
    """List the fields of result.json that come from the table of fields."""
    whole: tuple[Any, ...] = (*CASE, *CLASS, *ESTIMATE, *BASELINE, *LEVEL)
    places = [(f"input.{field.place}", field) for field in IMAGE]
    places += [(field.place.replace("{level}", "L1"), field) for field in whole]
    return table(
        ("field", "type", "meaning"), [(f"`{place}`", _type(field), field.description) for place, field in places]
    )


def _type(field: Any) -> str:
    schema = field.kind.schema()
    if "enum" in schema:
        return " · ".join(f"`{word}`" for word in schema["enum"])
    if schema["type"] == "array":
        size = f"{schema['minItems']} × " if "minItems" in schema else ""
        return f"array of {size}{schema['items']['type']}"
    return schema["type"]


def columns_table() -> str:
    """List the columns of the CSV; those of L1 and L2 share a row."""
    rows = []
    for name, meaning in COLUMN_MEANINGS.items():
        if name.startswith("l1_"):
            rows.append((f"`{name}`, `l2_{name[3:]}`", meaning.removeprefix("L1: ")))
        elif not name.startswith("l2_"):
            rows.append((f"`{name}`", meaning))
    return table(("column", "meaning"), rows)


def settings_table(config: Any) -> str:
    """List the fields of a config and of its sections, with their values there."""
    return table(("setting", "default", "meaning"), _settings(config, ""))


def _settings(config: Any, section: str) -> list[tuple[str, str, str]]:
    rows, meanings = [], _attribute_docstrings(type(config))
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            rows += _settings(value, f"{section}{field.name}.")
        else:
            rows.append((f"`{section}{field.name}`", f"`{json.dumps(value)}`", meanings[field.name]))
    return rows


def _attribute_docstrings(kind: type) -> dict[str, str]:
    """Find the docstring under each field of a class, on one line."""
    body = ast.parse(dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    pairs = pairwise(body)
    return {
        name.target.id: " ".join(text.value.value.split())
        for name, text in pairs
        if isinstance(name, ast.AnnAssign) and isinstance(text, ast.Expr)
    }  # type: ignore[misc]


TABLES: dict[str, Callable[[], str]] = {
    "osteojoint": lambda: options_table(build_parser()),
    "training": lambda: options_table(build_training_parser()),
    "result": result_table,
    "columns": columns_table,
    "settings": lambda: settings_table(PipelineConfig()),
    "network": lambda: settings_table(network_config("compact")),
}


def renewed(text: str) -> str:
    """Write a page with its tables as the code has them now."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def main() -> None:
    """Renew all pages."""
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
