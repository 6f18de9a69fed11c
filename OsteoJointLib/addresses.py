"""Where the project lives: the one address that all others are made from.

It is a placeholder until there is a home; CONTRIBUTING.md says what else names it.
"""

from __future__ import annotations

HOME = "https://github.com/OsteoJoint/SlicerOsteoJoint"
"""The repository."""


def manual(page: str) -> str:
    """Return the address of a page of docs/.

    >>> manual("troubleshooting.md").removeprefix(HOME)
    '/blob/main/docs/troubleshooting.md'
    """
    return f"{HOME}/blob/main/docs/{page}"
