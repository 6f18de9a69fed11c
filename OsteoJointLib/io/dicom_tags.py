"""Tolerant access to DICOM tags: what is missing, empty or can't be parsed is None, and never an exception."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet_dicom() -> Iterator[None]:
    """Keep pydicom from complaining about (and printing) values that break the standard."""
    from pydicom import config

    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def sequence_item(groups: tuple[Any, ...], sequence: str) -> Any:
    """Find the first item of a sequence in the first functional group that has it, None otherwise."""
    for group in groups:
        items = value_of(group, sequence)
        if items:
            return items[0]
    return None


def value_from(dataset: Any, groups: tuple[Any, ...], sequence: str, tag: str) -> Any:
    """Read a tag from the functional groups' sequence, else from the data set itself."""
    value = value_of(sequence_item(groups, sequence), tag)
    return value if value is not None else value_of(dataset, tag)


def value_of(dataset: Any, tag: str) -> Any:
    """Read a tag's value; None when it is missing, empty or can't be parsed."""
    if dataset is None:
        return None
    try:
        value = getattr(dataset, tag, None)
    except Exception:  # a malformed value raises almost anything; it counts as missing
        return None
    return None if value is None or value == "" else value


def cleaned(value: Any) -> str | None:
    """Join one or several values to one text without outer blanks."""
    if value is None:
        return None
    text = value if isinstance(value, str) else " ".join(str(part) for part in value)
    return text.strip() or None


def text_of(dataset: Any, tag: str) -> str | None:
    """Read a tag as text without outer blanks."""
    value = value_of(dataset, tag)
    return None if value is None else (str(value).strip() or None)


def as_number(value: Any) -> float | None:
    """Read a finite number of believable size: beyond 1e9 a tag is damaged."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e9 else None


def as_positive(value: Any) -> float | None:
    """Read a number above 0."""
    number = as_number(value)
    return number if number is not None and number > 0 else None


def integer_of(dataset: Any, tag: str) -> int | None:
    """Read a tag as an integer."""
    number = as_number(value_of(dataset, tag))
    return None if number is None else int(number)


def as_numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """Read exactly ``count`` numbers; a position or direction beyond 1e6 mm is damaged."""
    try:
        numbers = tuple(float(part) for part in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(abs(number) < 1e6 for number in numbers) else None
