"""What the cases of a batch are called, and the private table that says which is which.

A path that was read before keeps its case's name. So does content that was, where nothing that is read now lies at the
path it was read from: it was moved. What has neither path nor content (a volume of Slicer's scene that can't be read)
is most likely what an earlier batch couldn't read either.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.names import Names, name_key, neutral_names, portable_name, unique_name
from OsteoJointLib.output.csv_rows import no_formula, table_text

KEYS_FILE = "keys.csv"
KEY_HASHES = ("study_sha256", "series_sha256")
"""Columns that the table of keys has from the batch's."""


@dataclass(frozen=True)
class Newcomer:
    """A case that wants a name.

    Args:
        own: what it is called; many CTs may be called the same.
        told: what the table of keys says of it: its path, or the volume's name in Slicer.
        place: a digest of its path; None for a volume of Slicer's scene.
        content: gives its fingerprint; None where it has none.
    """

    own: str
    told: str
    place: str | None
    content: Callable[[], str | None]


class Namer:
    """Gives each case a name that no other has.

    Args:
        names: what cases are called that have no name yet.
        at_place: names that were given, by the digest of the path.
        of_content: names whose case may have been moved, by fingerprint.
        nameless: names of cases of which no more is known; those given again are taken out.
        taken: all names there are.
    """

    def __init__(
        self,
        names: Names,
        at_place: Mapping[str, str],
        of_content: Mapping[str, str],
        nameless: list[str],
        taken: Iterable[str],
    ):
        self._names, self._nameless = names, nameless
        self._at_place, self._of_content = at_place, dict(of_content)
        self._taken = {name_key(name) for name in taken}
        self._neutral = neutral_names(self._taken)

    def name(self, newcomer: Newcomer, content: str | None) -> str:
        """Name a case.

        Args:
            newcomer: the case.
            content: its fingerprint; None where that isn't asked for.
        """
        words = portable_name(newcomer.own)
        if newcomer.place is not None and newcomer.place in self._at_place:
            return self._at_place[newcomer.place]
        if content is not None and content in self._of_content:
            return self._of_content.pop(content)
        if newcomer.place is None and content is None:
            for name in self._nameless:
                if self._names is not Names.OWN or name.startswith(words):
                    self._nameless.remove(name)
                    return name
        name = unique_name(words, self._taken) if self._names is Names.OWN else next(self._neutral)
        self._taken.add(name_key(name))
        return name


def write_keys(folder: Path, keys: Iterable[Mapping[str, str]]) -> None:
    """Write which case is which input into a table that only its owner may read; other cases' rows stay.

    Args:
        folder: the batch's.
        keys: of each case its name, its input and its :data:`KEY_HASHES`.
    """
    rows: dict[str, Mapping[str, str]] = {}
    with suppress(FileNotFoundError), (folder / KEYS_FILE).open(encoding="utf-8", newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    rows |= {key["case"]: {**key, "input": no_formula(key["input"])} for key in keys}
    text = table_text([rows[case] for case in sorted(rows)], ("case", "input", *KEY_HASHES))
    write_text_whole(folder / KEYS_FILE, text, private=True, lasting=False)
