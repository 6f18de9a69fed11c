"""Group DICOM images into stacks and choose the one to read, with the reason in words.

A stack is a set of images of one series that share size, pixel spacing, orientation, kernel and image type. Images that
are no CT slices (other modalities, localizers, maps, secondary captures) are set aside and counted. Among several
stacks the first criterion that tells the best two apart is named as the reason.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.canonical import slice_axis_name
from OsteoJointLib.io.dicom_damage import refuse_all_damaged
from OsteoJointLib.io.dicom_geometry import StackGeometry, arrange
from OsteoJointLib.io.dicom_headers import FolderHeaders, SliceHeader
from OsteoJointLib.io.files.header import SINGLE_SLICE
from OsteoJointLib.io.kernels import KernelClass, classify_kernel, kernel_code
from OsteoJointLib.io.limits import ReadingLimits

_NOT_SLICES = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "TOPO"})
_MAPS = frozenset(
    {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "TTD", "PBV", "IODINE", "ZEFF", "RHO", "VNC"}
    | {"MIP", "MAX_IP", "MIN_IP", "MINIP", "SCREEN SAVE", "DOSE", "DOSE_INFO", "VRT", "SSD", "RENDERED"}
)
_OTHER_MODALITIES = frozenset(
    "CR DX ES IO KO MG MR NM OP OT PR PT REG RF RTDOSE RTIMAGE RTPLAN RTSTRUCT SC SEG SM SR US XA XC".split()  # noqa: SIM905
)
"""Modalities that are named where they were set aside (PS3.3 C.7.3.1.1.1); any other text may tell of the patient."""
_SAME_PLANE = 1e-3
"""Direction cosines (0.06 degrees) and pixel spacings in mm that differ by less are the same, rounded."""

_SAME_PLACE_DIGITS = 2
"""Digits of a position in mm: images whose positions agree in them lie at one place."""

_WHOLE_TRUNK_MM = 100.0
"""A stack of this length can hold L1 and L2 with a neighbor above and below (chosen)."""

_THICKNESS_CLASSES_MM = (1.6, 2.6, 3.1, 5.1)
"""Slices up to 1.5, 2.5, 3 and 5 mm, the usual reconstructions, with room for rounding; within a class the other
criteria decide, because 1 or 1.25 mm make no difference here."""

_DIGITS = 8
"""Of a series' SHA-256 that name it in words (chosen: one in 4 billion is alike)."""
_MAX_PIXELS = 4096
"""More rows or columns than any CT has."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Images that form one volume, and the number of images of the same series that point elsewhere."""

    headers: tuple[SliceHeader, ...]
    geometry: StackGeometry
    odd_ones: int = 0

    @property
    def first(self) -> SliceHeader:
        """A header that speaks for all of them."""
        return self.headers[0]

    @property
    def plane(self) -> str:
        """axial, coronal or sagittal."""
        return slice_axis_name(self.geometry.axes)


@dataclass(frozen=True)
class Choice:
    """The stack to read.

    Args:
        stack: it.
        is_doubt: whether other CT slices were left unread, so that another choice is possible.
        why: the reason in words; None when there was no other and nothing was set aside.
    """

    stack: Stack
    is_doubt: bool
    why: str | None


def ct_slices(folder: FolderHeaders) -> tuple[tuple[SliceHeader, ...], Counter[str]]:
    """Split images into CT slices and a count of what was set aside, by kind.

    Raises:
        InputRefused: NO_SERIES, NOT_CT, NOT_HU or UNREADABLE when no CT slice is left; SEVERAL_SERIES when slices of
            several patients came.
    """
    slices: list[SliceHeader] = []
    aside: Counter[str] = Counter()
    for header in folder.images:
        kind = _kind(header)
        if kind is None:
            slices.append(header)
        else:
            aside[kind] += 1
    if not slices:
        _refuse_nothing_left(folder, aside)
    patients = {header.patient for header in slices}
    if len(patients) > 1:
        raise InputRefused(
            Reason.SEVERAL_SERIES,
            f"The folder holds slices of {len(patients)} patients. Give each patient's own folder.",
        )
    return tuple(slices), aside


def choose_stack(slices: tuple[SliceHeader, ...], aside: Counter[str], limits: ReadingLimits) -> Choice:
    """Choose the best stack of CT slices.

    Raises:
        InputRefused: the reason of the largest stack, when none can be read as a volume.
    """
    ranked, refusals = _ranked(slices, limits)
    if not ranked:
        raise max(refusals, key=lambda item: item[0])[1]
    unused = len(slices) - sum(len(stack.headers) for stack in ranked) - ranked[0].odd_ones
    if unused > 0:
        aside = aside + Counter({"CT slice that forms no volume": unused})
    return Choice(ranked[0], len(ranked) > 1 or unused > 0, _why(ranked, aside, limits))


def _ranked(
    slices: tuple[SliceHeader, ...], limits: ReadingLimits
) -> tuple[list[Stack], list[tuple[int, InputRefused]]]:
    """List the stacks that can be read, the best first, and the refusals of the others with their sizes."""
    stacks, refusals = [], []
    for headers, odd_ones in _group(slices, limits):
        try:
            stacks.append(_stack(headers, odd_ones, limits))
        except InputRefused as refusal:
            refusals.append((len(headers), refusal))
    stacks.sort(key=lambda stack: tuple(value for _, value in _criteria(stack, limits)), reverse=True)
    return stacks, refusals


def has_volume(folder: FolderHeaders, limits: ReadingLimits) -> bool:
    """Say whether DICOM images hold a stack of CT slices."""
    try:
        choose_stack(*ct_slices(folder), limits)
    except InputRefused:
        return False
    return True


def files_of_series(folder: FolderHeaders, wanted: str, limits: ReadingLimits) -> tuple[Path, ...]:
    """Find the files of one CT series.

    Args:
        folder: all images.
        wanted: the series' number, or the beginning of its UID's SHA-256.
        limits: the limits.

    Raises:
        InputRefused: NO_SERIES, with a list of the series that can be read, when none or several are meant.
    """
    slices, _ = ct_slices(folder)
    meant: dict[str, list[Path]] = {}
    for header in slices:
        if wanted == str(header.series_number) or _series_sha256(header).startswith(wanted.lower()):
            meant.setdefault(header.series, []).append(header.path)
    if len(meant) == 1 and wanted:
        return tuple(dict.fromkeys(*meant.values()))
    stacks = _ranked(slices, limits)[0]
    found = "; ".join(_described(stack) for stack in stacks) or "none"
    raise InputRefused(
        Reason.NO_SERIES,
        f"{len(meant) or 'No'} CT series {'are' if len(meant) > 1 else 'is'} called {wanted!r}. Name one by its number "
        f"or the digits in brackets: {found}.",
    )


def _series_sha256(header: SliceHeader) -> str:
    return hashlib.sha256(header.series_uid.encode()).hexdigest() if header.series_uid else ""


def _kind(header: SliceHeader) -> str | None:
    """Say what an image is when it is no CT slice in HU; None for a CT slice."""
    if header.modality in _OTHER_MODALITIES:
        return f"{header.modality} image"
    if header.modality not in ("", "CT"):
        return "image of another kind"
    if not header.is_ct_class:
        return "image of another kind"
    if _NOT_SLICES & set(header.image_type):
        return "localizer"
    if _MAPS & set(header.image_type):
        return "derived map"
    if header.rescale_type is not None and header.rescale_type.upper() not in ("HU", "HU_MOD", "US"):
        return "derived map"
    return None


def _refuse_nothing_left(folder: FolderHeaders, aside: Counter[str]) -> NoReturn:
    if not folder.images and folder.damaged:
        refuse_all_damaged(folder)
    if not folder.images:
        found = (
            "The folder is empty"
            if folder.files == 0
            else f"There is no DICOM image here, only {folder.files} other file(s)"
        )
        raise InputRefused(
            Reason.NO_SERIES, f"{found}. Give the folder of a DICOM series, or a .nrrd, .nii.gz or .mha file."
        )
    found = f"There is no CT slice here, only {_counted(aside)}."
    if "derived map" in aside:
        raise InputRefused(Reason.NOT_HU, f"{found} Maps hold no Hounsfield units: give the original CT series.")
    if "localizer" in aside:
        raise InputRefused(Reason.NO_SERIES, f"{found} Give the original CT series.")
    raise InputRefused(Reason.NOT_CT, f"{found} Give a CT series: bone can't be read from other images.")


def _group(slices: tuple[SliceHeader, ...], limits: ReadingLimits) -> list[tuple[tuple[SliceHeader, ...], int]]:
    """Collect stacks of one series, size, kernel, type and orientation; with each, the odd slices of its series."""
    by_series: dict[tuple, list[list[SliceHeader]]] = {}
    for header in slices:
        key = (header.series, header.rows, header.columns, header.kernel, header.image_type, header.stack)
        groups = by_series.setdefault(key, [])
        for group in groups:
            if _same_plane(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    found = []
    for groups in by_series.values():
        total = sum(len(group) for group in groups)
        for group in groups:
            for part in _without_repeats(group):
                found.append((tuple(part), total - len(group)))
    return found


def _same_plane(one: SliceHeader, other: SliceHeader) -> bool:
    for left, right in ((one.orientation, other.orientation), (one.pixel_spacing_mm, other.pixel_spacing_mm)):
        if left is None or right is None:
            if left is not right:
                return False
        elif not np.allclose(left, right, rtol=0.0, atol=_SAME_PLANE):
            return False
    return True


def _without_repeats(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split images that share positions by phase, acquisition or time, if one of these tells them apart."""
    if not _repeats(group):
        return [group]
    for key in range(len(group[0].split_keys)):
        parts: dict[str, list[SliceHeader]] = {}
        for header in group:
            parts.setdefault(header.split_keys[key], []).append(header)
        if len(parts) > 1 and not any(_repeats(part) for part in parts.values()):
            largest = max(len(part) for part in parts.values())
            # Parts of single images are no phases but a bolus series: keep it whole, so that it is refused as one.
            return list(parts.values()) if largest > 1 else [group]
    return [group]


def _repeats(group: list[SliceHeader]) -> bool:
    places = [header.position_mm and tuple(np.round(header.position_mm, _SAME_PLACE_DIGITS)) for header in group]
    return len(set(places)) < len(places)


def _stack(headers: tuple[SliceHeader, ...], odd_ones: int, limits: ReadingLimits) -> Stack:
    rows, columns = headers[0].rows or 0, headers[0].columns or 0
    if not (0 < rows <= _MAX_PIXELS and 0 < columns <= _MAX_PIXELS):
        raise InputRefused(
            Reason.UNREADABLE, f"The header calls the images {rows} x {columns} pixels large. Export them again."
        )
    if len(headers) == 1:
        raise InputRefused(Reason.SINGLE_SLICE, SINGLE_SLICE)
    total = len(headers) + odd_ones
    if odd_ones > limits.max_odd_fraction * total:
        raise InputRefused(
            Reason.MIXED_ORIENTATION,
            f"{odd_ones} of the {total} slices of the series are turned otherwise than the rest (one block per disc?). "
            "Give an axial series of the whole region.",
        )
    geometry = arrange(headers, limits)
    return Stack(tuple(headers[index] for index in geometry.order), geometry, odd_ones)


def _criteria(stack: Stack, limits: ReadingLimits) -> list[tuple[str, float]]:
    """Say what makes a stack better, the weightiest first: (reason in words, value; larger is better)."""
    header, geometry = stack.first, stack.geometry
    kernel = {KernelClass.SOFT: 2, KernelClass.UNKNOWN: 1, KernelClass.SHARP: 0}[classify_kernel(header.kernel)]
    thickness = max(geometry.step_mm, header.thickness_mm or 0.0)
    low_kvp, high_kvp = limits.standard_kvp
    return [
        ("it is axial", stack.plane == "axial"),
        ("it covers the trunk", geometry.extent_mm >= _WHOLE_TRUNK_MM),
        ("its slices lie apart from each other", not geometry.duplicates),
        ("no contrast agent was given", header.contrast is not True),
        ("its kernel is softer", kernel),
        ("it is an original reconstruction", "ORIGINAL" in header.image_type or not header.image_type),
        ("its slices are thinner", -sum(thickness > limit for limit in _THICKNESS_CLASSES_MM)),
        ("its slices are evenly spaced", geometry.even),
        ("its tube voltage is 120 kV", low_kvp <= (header.kvp or 0.0) <= high_kvp),
        ("it covers more of the body", round(geometry.extent_mm, -1)),  # a centimeter more or less is no reason
        ("it has more slices", len(stack.headers)),
        ("it has the lower series number", -(header.series_number or 10**9)),  # without a number it comes last
    ]


def _why(ranked: list[Stack], aside: Counter[str], limits: ReadingLimits) -> str | None:
    best = ranked[0]
    left_out = f" Left out: {_counted(aside)}." if aside else ""
    if len(ranked) == 1:
        return f"It is the only CT series.{left_out}" if aside else None
    reason = "they are alike and it comes first"
    for (words, value), (_, other) in zip(*(_criteria(stack, limits) for stack in ranked[:2]), strict=True):
        if value != other:
            reason = words
            break
    return (
        f"{len(ranked)} CT series were found; {_described(best)} was read because {reason} "
        f"(next best: {'; '.join(map(_described, ranked[1:]))}).{left_out}"
    )


def _described(stack: Stack) -> str:
    """Put a stack in words, without patient data."""
    number = stack.first.series_number
    name = f"series {number}" if number is not None else "a series without number"
    code = kernel_code(stack.first.kernel)
    kernel = f", kernel {code}" if code else ""
    digest = _series_sha256(stack.first)[:_DIGITS]
    name += f" [{digest}]" if digest else ""
    return f"{name} ({stack.plane}, {len(stack.headers)} slices of {stack.geometry.step_mm:.2g} mm{kernel})"


def _counted(aside: Counter[str]) -> str:
    return ", ".join(f"{count} {_plural(kind) if count > 1 else kind}" for kind, count in sorted(aside.items()))


def _plural(kind: str) -> str:
    """Put what was set aside in the plural.

    >>> _plural("PT image"), _plural("CT slice that forms no volume")
    ('PT images', 'CT slices that form no volume')
    """
    return kind.replace("slice that forms", "slices that form") if " that " in kind else f"{kind}s"
