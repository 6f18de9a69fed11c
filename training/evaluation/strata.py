"""What sort of a phantom one is: the strata by which errors are reported, as words.

Slice thickness and field are the CT's own (a reformat's thick axis, a strip's narrow one); the rest is what was drawn.
A stratum that a phantom doesn't draw is left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from OsteoJointLib.phantom.cases import Phantom, drawn_protocol
from OsteoJointLib.phantom.physics.beam import PHOTON_COUNTING
from OsteoJointLib.records import Level

_THICKNESS_MM = (1.5, 3.0, 5.0)  # up to and including
_FIELD_CM = (18, 28, 38)  # below
_NOISE_HU = (10, 20, 40)  # up to and including; SD
_DEGENERATION = (0.333, 0.667)  # thirds of the scale from 0 to 1
_FAT_MM = (12.0, 25.0)  # up to and including; under the skin of the flank: the person's size
_PAPER_BEAM, _PAPER_THICKNESS_MM, _PAPER_KERNELS = "120", (1.5, 2.5), ("soft", "standard")
PAPER = "paper"
"""The stratum ``protocol`` of the paper's own CTs (Zhang 2023 §4.1): 120 kVp, 2 mm, no contrast, an ordinary scan."""

_AS_DRAWN = ("twelfth_rib", "lumbar_bodies", "transition", "fractured", "implant", "sex")


def strata_of(phantom: Phantom) -> dict[str, str]:
    """Say to which strata a phantom belongs: the stratum's name and its value."""
    grid, drawn = phantom.volume.grid, phantom.truth.drawn
    person, acquisition = drawn["person"], drawn["acquisition"]
    depth_mm, width_mm = (count * mm for count, mm in zip(grid.shape_zyx[:0:-1], grid.spacing_xyz_mm, strict=False))
    strata = {
        "thickness": _at_most(max(grid.spacing_xyz_mm), _THICKNESS_MM, "mm"),
        "field": _below(min(depth_mm, width_mm) / 10.0, _FIELD_CM, "cm"),
        "l1_l2_in_view": _word(all(level.verse_label in phantom.truth.centers_lps_mm for level in Level)),
    }
    strata |= {name: _word(person[name]) for name in _AS_DRAWN if name in person}
    if "fractured" in strata:
        strata["fractured"] = "some" if person["fractured"] else "none"
    if "degeneration" in person:
        third = bisect_left(_DEGENERATION, person["degeneration"])
        strata["degeneration"] = ("low", "middle", "high")[third]
    if "noise_hu" in acquisition:
        strata["noise"] = _at_most(acquisition["noise_hu"], _NOISE_HU, "HU")
    if "fat_mm" in person:
        strata["size"] = ("thin", "middle", "large")[bisect_left(_FAT_MM, person["fat_mm"])]
    strata |= {name: _word(acquisition[name]) for name in ("phase", "kernel") if name in acquisition}
    if "beam" in acquisition:
        strata["kvp"] = acquisition["beam"] if acquisition["beam"] == PHOTON_COUNTING else f"{acquisition['beam']} kV"
        strata["protocol"] = PAPER if _as_in_paper(drawn) else "other"
    return strata


def _as_in_paper(drawn: Mapping[str, Any]) -> bool:
    """Say whether a scan is one of the paper's kind; a reformat is none, its slices run the other way."""
    field = drawn["field"]
    return _is_papers(drawn["acquisition"]) and (field is None or field["protocol"] not in ("sagittal", "coronal"))


def _is_papers(acquisition: Mapping[str, Any]) -> bool:
    low_mm, high_mm = _PAPER_THICKNESS_MM
    return (
        acquisition["beam"] == _PAPER_BEAM
        and acquisition["phase"] == "none"
        and acquisition["kernel"] in _PAPER_KERNELS
        and low_mm <= acquisition["thickness_mm"] <= high_mm
    )


def paper_seeds(seeds: Iterable[int]) -> Iterator[int]:
    """Yield the seeds whose phantom is scanned as the paper's patients were; its field is not drawn yet."""
    return (seed for seed in seeds if _is_papers(asdict(drawn_protocol(seed))))


def _at_most(value: float, edges: Sequence[float], unit: str) -> str:
    index = bisect_left(edges, round(value, 3))  # 1.4999 mm of a rounded grid are 1.5 mm
    return f"<= {edges[index]:g} {unit}" if index < len(edges) else f"> {edges[-1]:g} {unit}"


def _below(value: float, edges: Sequence[float], unit: str) -> str:
    index = bisect_right(edges, round(value, 3))
    return f"< {edges[index]:g} {unit}" if index < len(edges) else f">= {edges[-1]:g} {unit}"


def _word(value: Any) -> str:
    """Name a value that was drawn: a list or a record is its parts' names, nothing at all is "none"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _word(value.get("kind", "some"))
    if isinstance(value, list | tuple):
        return "some" if value else "none"
    return "none" if value in (None, "") else str(value)
