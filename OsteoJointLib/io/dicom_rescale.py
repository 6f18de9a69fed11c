"""Judge whether the slices of one stack turn into HU alike.

Each slice is read with its own values, which may be right or wrong; whether the HU agree is checked from slice to slice
where the vertebrae lie (``hu_jump``). Slices that state none beside others that do are wrong for sure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.dicom_headers import SliceHeader
from OsteoJointLib.records import Flag


def refuse_rescale_of_some(headers: Sequence[SliceHeader]) -> None:
    """Refuse a stack some of whose slices state how they turn into HU, and some don't.

    Raises:
        InputRefused: RESCALE_DIFFERS.
    """
    without = sum(not header.rescale_stated for header in headers)
    if 0 < without < len(headers):
        raise InputRefused(
            Reason.RESCALE_DIFFERS,
            f"{without} of the {len(headers)} slices don't state how their values turn into HU (rescale slope and "
            "intercept), and the others do. Export the series again.",
        )


def rescale_flags(headers: Sequence[SliceHeader]) -> list[Flag]:
    """Say that the slices carry different rescale values, kinds of pixels or padding."""
    said = []
    counts = Counter((header.slope, header.intercept) for header in headers).most_common()
    if len(counts) > 1:
        (slope, intercept), usual = counts[0]
        others = "; ".join(f"{s:g} and {i:g} in {n}" for (s, i), n in counts[1:4])
        said.append(f"rescale values: slope {slope:g} and intercept {intercept:g} in {usual}, {others}")
    if len({header.stored_as for header in headers}) > 1:
        said.append("numbers of bits, or signs, of their pixels")
    if len({header.padding for header in headers}) > 1:
        said.append("values of padding")
    if not said:
        return []
    return [
        Flag(
            Reason.RESCALE_DIFFERS,
            f"The slices carry different {'; and different '.join(said)}. Each slice was read with its own; whether "
            "their HU agree was checked from slice to slice.",
        )
    ]
