"""Makes docstrings fit for the Python API page: doctests in fences, roles as code, a row for each parameter."""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^( *)>>> .*(?:\n\1\S.*)*", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_SHARED = re.compile(r"^( +)((?:\w+, )+\w+): (.+(?:\n\1 +.+)*)", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Take one object of ours."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """Write a docstring as Markdown in Google's style.

    >>> as_markdown("See :class:`Grid`.")
    'See `Grid`.'
    """
    text = _DOCTEST.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)
    text = _SHARED.sub(lambda found: "\n".join(f"{found[1]}{name}: {found[3]}" for name in found[2].split(", ")), text)
    return _ROLE.sub(r"`\1`", text)
