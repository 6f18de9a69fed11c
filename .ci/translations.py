"""Writes every text of the module into the file that translators begin with (`make lists`).

As Slicer looks texts up: those of a Python file under its package's and its own name, those of a form under the form's
name. Nothing of a translation is in it; Slicer's translators make one file a language from it, and Slicer brings them.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "Resources" / "Translations" / "OsteoJoint_en-US.ts"
SOURCES = ("OsteoJoint/*.py", "OsteoJointLib/slicer_bridge/**/*.py")


def python_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Give context and text of each call of `_` and `translate` in a file."""
    package = f"{path.parent.name}." if (path.parent / "__init__.py").is_file() else ""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        words = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if name == "_" and len(words) == 1:
            yield package + path.stem, words[0]
        elif name == "translate" and len(words) == 2 and not words[0].startswith("qSlicer"):  # Slicer's own texts
            yield words[0], words[1]


def form_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Give context and text of everything that a form shows."""
    root = ElementTree.parse(path).getroot()
    for element in root.iter("string"):
        if element.text and element.get("notr") != "true":
            yield root.findtext("class", ""), element.text


def document() -> str:
    """Write the whole file."""
    texts: dict[str, dict[str, str]] = {}
    paths = sorted(path for pattern in SOURCES for path in ROOT.glob(pattern))
    for path in [*paths, *sorted((ROOT / "Resources" / "UI").glob("*.ui"))]:
        for context, text in (form_texts if path.suffix == ".ui" else python_texts)(path):
            texts.setdefault(context, {}).setdefault(text, path.relative_to(ROOT).as_posix())
    root = ElementTree.Element("TS", version="2.1", language="en_US", sourcelanguage="en_US")
    for context in sorted(texts):
        group = ElementTree.SubElement(root, "context")
        ElementTree.SubElement(group, "name").text = context
        for text, file in texts[context].items():
            message = ElementTree.SubElement(group, "message")
            ElementTree.SubElement(message, "location", filename=f"../../{file}")
            ElementTree.SubElement(message, "source").text = text
            ElementTree.SubElement(message, "translation", type="unfinished")
    ElementTree.indent(root, "    ")
    body = ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n'


def main() -> int:
    """Write the file, or say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where it is out of date")
    if parser.parse_args().check:
        return int(not FILE.is_file() or FILE.read_text("utf-8") != document())
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
