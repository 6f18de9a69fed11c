"""The kinds of value that a result reports: how each is stored in JSON, described in its schema and said to people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from OsteoJointLib.errors import Reason, RunFailed


class Kind(Protocol):
    """What a field needs to know of its values; all of it is about values that are there, null is the field's own."""

    @property
    def unit(self) -> str:
        """The unit, as people write it; empty where there is none."""

    def stored(self, value: Any) -> Any:
        """Turn a value into what JSON holds."""

    def schema(self) -> dict[str, Any]:
        """Describe what JSON holds, as JSON Schema."""

    def said(self, stored: Any) -> str:
        """Say what JSON holds, without its unit."""


@dataclass(frozen=True)
class Number:
    """A finite number.

    Args:
        unit: as people write it.
        digits: kept in JSON.
        said_digits: shown to people.
        at_least, at_most, above: its bounds.
    """

    unit: str = ""
    digits: int = 2
    said_digits: int = 0
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None

    def stored(self, value: float) -> float:
        """Round it.

        Raises:
            RunFailed: it is not finite.
        """
        if not math.isfinite(value):
            raise RunFailed(
                Reason.FAILED, f"A number of the result is {value}, which can't be right. Please report this fault."
            )
        return round(float(value), self.digits) + 0.0  # no negative zero

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.at_least, "maximum": self.at_most, "exclusiveMinimum": self.above}
        return {"type": "number"} | {name: bound for name, bound in bounds.items() if bound is not None}

    def said(self, stored: float) -> str:
        return f"{stored:.{self.said_digits}f}"


_NEAR_CERTAIN = 0.9995
"""A probability from here on would be rounded to 100.0 %."""


@dataclass(frozen=True)
class Share(Number):
    """A share of one, said in percent."""

    at_least: float | None = 0
    at_most: float | None = 1

    def said(self, stored: float) -> str:
        return f"{100 * stored:.1f}\u00a0%"


@dataclass(frozen=True)
class Probability(Share):
    """A probability, which is never said to be certain."""

    def said(self, stored: float) -> str:
        return ">\u00a099.9\u00a0%" if stored >= _NEAR_CERTAIN else super().said(stored)


@dataclass(frozen=True)
class Count:
    """A whole number from ``at_least`` on."""

    at_least: int = 0
    unit: str = ""

    def stored(self, value: int) -> int:
        return int(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.at_least}

    def said(self, stored: int) -> str:
        return str(stored)


@dataclass(frozen=True)
class Text:
    """Words; ``pattern``, a regular expression, says what they may be."""

    pattern: str = ""
    unit: str = ""

    def stored(self, value: str) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"} | ({"pattern": self.pattern} if self.pattern else {})

    def said(self, stored: str) -> str:
        return stored


@dataclass(frozen=True)
class Choice:
    """One of a few words, each with what people read."""

    words: Mapping[str, str]
    unit: str = ""

    def stored(self, value: str) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}

    def said(self, stored: str) -> str:
        return self.words[stored]


@dataclass(frozen=True)
class YesNo:
    """True or false, with what people read."""

    yes: str = "yes"
    no: str = "no"
    unit: str = ""

    def stored(self, value: bool) -> bool:
        return bool(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def said(self, stored: bool) -> str:
        return self.yes if stored else self.no


@dataclass(frozen=True)
class List:
    """Several values of one kind; ``length`` is None where their number varies."""

    item: Kind
    length: int | None = None

    @property
    def unit(self) -> str:
        return self.item.unit

    def stored(self, value: Iterable[Any]) -> list[Any]:
        return [self.item.stored(one) for one in value]

    def schema(self) -> dict[str, Any]:
        size = {} if self.length is None else {"minItems": self.length, "maxItems": self.length}
        return {"type": "array", "items": self.item.schema(), **size}

    def said(self, stored: Iterable[Any]) -> str:
        return ", ".join(self.item.said(one) for one in stored)


@dataclass(frozen=True)
class Entries:
    """Records of one kind, however many.

    Args:
        parts: of each: its kind, and what it is, by its name.
    """

    parts: Mapping[str, tuple[Kind, str]]
    unit: str = ""

    def stored(self, value: Iterable[Any]) -> list[dict[str, Any]]:
        return [{name: kind.stored(getattr(one, name)) for name, (kind, _) in self.parts.items()} for one in value]

    def schema(self) -> dict[str, Any]:
        properties = {name: kind.schema() | {"description": words} for name, (kind, words) in self.parts.items()}
        one = {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}
        return {"type": "array", "items": one}

    def said(self, stored: Iterable[Mapping[str, Any]]) -> str:
        return "; ".join(" ".join(kind.said(one[name]) for name, (kind, _) in self.parts.items()) for one in stored)
