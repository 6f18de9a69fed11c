"""`slicer.i18n`: the two functions by which a module's words are translated. Here they return the words."""

from __future__ import annotations

import sys
from pathlib import Path

HEARD: set[tuple[str, str]] = set()
"""(context, words) of everything that asked to be translated, for tests."""


def getContext(sourceFile):
    """Return the context that Slicer's tools give to a file: its package, if it has one, and its name."""
    path = Path(sourceFile)
    package = [path.parent.name] if (path.parent / "__init__.py").is_file() else []
    return ".".join([*package, path.stem])


def translate(context, text):
    """Return ``text``, which must be a string as it stands in the file."""
    if not isinstance(text, str):
        raise TypeError(f"Expected words to translate, came {text!r}")
    HEARD.add((context, text))
    return text


def tr(text):
    """Return ``text``, with the calling file as its context."""
    return translate(getContext(sys._getframe(1).f_code.co_filename), text)
