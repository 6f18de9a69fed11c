"""Changes to sound inputs whose right answer is known: what must be refused, flagged, or read as before."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from Testing.attack.seeds import COLUMNS, ROWS, SLICES, SPACING_MM, body

Judge = Callable[[dict], str]
TEXTS = ("ct.nrrd", "packed.nrrd", "ct.nhdr", "ct.mha", "packed.mha", "ct.mhd")
NIFTIS = ("ct.nii", "ct.nii.gz")
SERIES = ("classic", "run-length", "jpeg2000")


@dataclass(frozen=True)
class Known:
    """A change, the seeds that it is made to, and the judge of its answer."""

    make: Callable[[Path, np.random.Generator], None]
    seeds: tuple[str, ...]
    judge: Judge


def refused(*codes: str) -> Judge:
    """It must be refused for one of these reasons."""

    def judge(answer: dict) -> str:
        right = answer["outcome"] == "refused" and answer["codes"][0] in codes
        return "" if right else f"should be refused as {' or '.join(codes)}: {answer['outcome']} {answer['codes']}"

    return judge


def flagged(code: str) -> Judge:
    """It must be read with this doubt."""

    def judge(answer: dict) -> str:
        right = answer["outcome"] == "read" and code in answer["codes"]
        return "" if right else f"should be read with {code}: {answer['outcome']} {answer['codes']}"

    return judge


def same(answer: dict) -> str:
    """It must be read as the seed is, without a new doubt."""
    told = set(answer["codes"]) - {"thick_slices", "kernel_unknown", "contrast_unknown", "kvp_unknown"}
    right = answer["outcome"] == "read" and not told and answer["shape"] == [SLICES, ROWS, COLUMNS]
    right = right and np.allclose(answer["spacing"], SPACING_MM, rtol=1e-4)
    return "" if right else f"should be read as before: {answer}"


def _header_of(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.suffix in (".nrrd", ".nhdr", ".mha", ".mhd"))


def _without_line(folder: Path, pattern: bytes) -> None:
    path = _header_of(folder)
    content, count = re.subn(rb"(?m)^(" + pattern + rb")[^\n]*\n", b"", path.read_bytes(), count=1)
    assert count == 1
    path.write_bytes(content)


def drop_voxel_size(folder: Path, rng: np.random.Generator) -> None:
    _without_line(folder, rb"ElementSpacing|space directions")


def claim_many_axes(folder: Path, rng: np.random.Generator) -> None:
    path = _header_of(folder)
    number = rng.choice([b"100", b"-1", b"9999999999", b""])
    path.write_bytes(re.sub(rb"(?m)^(NDims =|dimension:)[^\n]*", rb"\1 " + number, path.read_bytes(), count=1))


def claim_a_huge_size(folder: Path, rng: np.random.Generator) -> None:
    path = _header_of(folder)
    path.write_bytes(re.sub(rb"(?m)^(DimSize =|sizes:)[^\n]*", rb"\1 60000 60000 60000", path.read_bytes(), count=1))


def name_a_strange_data_file(folder: Path, rng: np.random.Generator) -> None:
    path = _header_of(folder)
    name = rng.choice([b"%s%n%s", b"/dev/zero", b"no%03d.raw 1 20 1", b"LIST", b"..", b"\xff\xfe"])
    path.write_bytes(re.sub(rb"(?m)^(ElementDataFile =|data file:)[^\n]*", rb"\1 " + name, path.read_bytes(), count=1))


def cut_short(folder: Path, rng: np.random.Generator) -> None:
    path = max(folder.iterdir(), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes()[: -int(rng.integers(20, 4000))])


def hold_twice_as_much(folder: Path, rng: np.random.Generator) -> None:
    path = max(folder.iterdir(), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes() + body().tobytes())


def lose_numbers(folder: Path, rng: np.random.Generator) -> None:
    """Every n-th slice of floating numbers is NaN or infinite."""
    values = body().astype(np.float32)
    values[int(rng.integers(1, 4)) :: int(rng.integers(2, 6))] = rng.choice([np.nan, np.inf, -np.inf])
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(SPACING_MM)
    path = next(path for path in folder.iterdir() if path.suffix in (".nrrd", ".mha", ".nii", ".gz"))
    sitk.WriteImage(image, path)


def _nifti(folder: Path, change: Callable[[bytearray], None]) -> None:
    path = next(folder.iterdir())
    packed = path.suffix == ".gz"
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    change(content)
    path.write_bytes(gzip.compress(bytes(content), 1) if packed else content)


def drop_nifti_voxel_size(folder: Path, rng: np.random.Generator) -> None:
    number, axis = float(rng.choice([0.0, np.nan, np.inf])), int(rng.integers(3))
    _nifti(folder, lambda content: struct.pack_into("<f", content, 80 + 4 * axis, number))


def contradict_the_size(folder: Path, rng: np.random.Generator) -> None:
    axis, factor = int(rng.integers(3)), float(rng.choice([0.5, 1.01, 2.0]))
    _nifti(folder, lambda content: struct.pack_into("<f", content, 80 + 4 * axis, SPACING_MM[axis] * factor))


def contradict_the_orientation(folder: Path, rng: np.random.Generator) -> None:
    """Turn one of the two orientations by 180 degrees about an axis."""
    signs = [(1, -1, -1), (-1, 1, -1), (-1, -1, 1)][rng.integers(3)]

    def change(content: bytearray) -> None:
        for row in range(3):
            values = struct.unpack_from("<3f", content, 280 + 16 * row)
            struct.pack_into("<3f", content, 280 + 16 * row, *(value * signs[row] for value in values))

    _nifti(folder, change)


def _shear(folder: Path, rad: float) -> None:
    def change(content: bytearray) -> None:
        struct.pack_into("<f", content, 280 + 16 + 8, SPACING_MM[2] * np.sin(rad))

    _nifti(folder, change)


def shear_by_rounding(folder: Path, rng: np.random.Generator) -> None:
    _shear(folder, float(rng.choice([-1, 1]) * rng.uniform(2e-5, 9e-4)))


def shear_by_a_tilt(folder: Path, rng: np.random.Generator) -> None:
    _shear(folder, float(rng.choice([-1, 1]) * rng.uniform(2e-3, 0.5)))


def lose_the_place_of_voxels(folder: Path, rng: np.random.Generator) -> None:
    number = float(rng.choice([np.nan, -1.0, 0.0, 1e30, np.inf]))
    _nifti(folder, lambda content: struct.pack_into("<f", content, 108, number))


def pack_a_bomb(folder: Path, rng: np.random.Generator) -> None:
    """What follows the header unpacks to 500 times what it states."""
    packing = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [packing.compress(gzip.decompress((folder / "ct.nii.gz").read_bytes())[:352])]
    parts += [packing.compress(bytes(2**20)) for _ in range(30)]
    (folder / "ct.nii.gz").write_bytes(b"".join([*parts, packing.flush()]))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def _destroy(path: Path, rng: np.random.Generator) -> None:
    content = path.read_bytes()
    path.write_bytes([bytes(len(content)), content[:200], b"", rng.bytes(len(content))][rng.integers(4)])


def destroy_every_second(folder: Path, rng: np.random.Generator) -> None:
    for path in _files(folder)[int(rng.integers(2)) :: 2]:
        _destroy(path, rng)


def destroy_all_but_two(folder: Path, rng: np.random.Generator) -> None:
    files = _files(folder)
    for index in rng.permutation(len(files))[2:]:
        _destroy(files[index], rng)


def destroy_the_uppermost(folder: Path, rng: np.random.Generator) -> None:
    _destroy(_files(folder)[0], rng)


def _rewrite(paths: list[Path], change: Callable[[pydicom.Dataset], None]) -> None:
    for path in paths:
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


def _some(folder: Path, rng: np.random.Generator) -> list[Path]:
    files = _files(folder)
    start = int(rng.integers(len(files) - 4))
    return files[start : start + int(rng.integers(1, 4))]


def drop_rescale_of_some(folder: Path, rng: np.random.Generator) -> None:
    tag = rng.choice(["RescaleSlope", "RescaleIntercept"])
    _rewrite(_some(folder, rng), lambda dataset: delattr(dataset, tag))


def change_rescale_of_some(folder: Path, rng: np.random.Generator) -> None:
    intercept = -1024 + int(rng.integers(10, 200))
    _rewrite(_some(folder, rng), lambda dataset: setattr(dataset, "RescaleIntercept", intercept))


def blank_inner_slices(folder: Path, rng: np.random.Generator) -> None:
    blank = bytes(2 * ROWS * COLUMNS)
    _rewrite(_files(folder)[5 : 5 + int(rng.integers(1, 6))], lambda dataset: setattr(dataset, "PixelData", blank))


def add_another_patient(folder: Path, rng: np.random.Generator) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.PatientID, dataset.SeriesInstanceUID = "other", "1.2.3"

    _rewrite(_files(folder)[::2], change)


def rename(folder: Path, rng: np.random.Generator) -> None:
    files = _files(folder)
    for index, path in zip(rng.permutation(len(files)), files, strict=True):
        path.rename(path.with_name(f"new-{index}.dcm"))


def describe_other_than_it_holds(folder: Path, rng: np.random.Generator) -> None:
    count = int(rng.choice([1, 5, SLICES - 1, SLICES + 1, 4000, 0]))
    _rewrite(_files(folder), lambda dataset: setattr(dataset, "NumberOfFrames", count))


def describe_fewer(folder: Path, rng: np.random.Generator) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.PerFrameFunctionalGroupsSequence = list(dataset.PerFrameFunctionalGroupsSequence)[
            : int(rng.integers(1, SLICES))
        ]

    _rewrite(_files(folder), change)


KNOWN = (
    Known(drop_voxel_size, TEXTS, refused("bad_geometry")),
    Known(claim_many_axes, TEXTS, refused("unreadable")),
    Known(claim_a_huge_size, TEXTS, refused("too_large", "unreadable")),
    Known(name_a_strange_data_file, ("ct.nhdr", "ct.mha", "packed.mha", "ct.mhd"), refused("unreadable")),
    Known(cut_short, (*TEXTS, *NIFTIS), refused("unreadable")),
    Known(hold_twice_as_much, ("ct.nrrd", "ct.nhdr", "ct.nii", "ct.mha", "ct.mhd"), refused("unreadable")),
    Known(lose_numbers, ("ct.nrrd", "packed.nrrd", "ct.mha", *NIFTIS), refused("unreadable")),
    Known(drop_nifti_voxel_size, NIFTIS, refused("bad_geometry")),
    Known(contradict_the_size, NIFTIS, refused("bad_geometry")),
    Known(contradict_the_orientation, NIFTIS, refused("bad_geometry")),
    Known(shear_by_rounding, NIFTIS, flagged("tags_repaired")),
    Known(shear_by_a_tilt, NIFTIS, refused("gantry_tilt")),
    Known(lose_the_place_of_voxels, NIFTIS, refused("unreadable")),
    Known(pack_a_bomb, ("ct.nii.gz",), refused("unreadable")),
    Known(destroy_every_second, SERIES, refused("unreadable")),
    Known(destroy_all_but_two, SERIES, refused("unreadable")),
    Known(destroy_the_uppermost, SERIES, flagged("files_damaged")),
    Known(drop_rescale_of_some, SERIES, refused("rescale_differs")),
    Known(change_rescale_of_some, SERIES, flagged("rescale_differs")),
    Known(blank_inner_slices, ("classic",), refused("unreadable")),
    Known(add_another_patient, SERIES, refused("several_series")),
    Known(rename, SERIES, same),
    Known(describe_other_than_it_holds, ("enhanced",), refused("unreadable")),
    Known(describe_fewer, ("enhanced",), refused("unreadable")),
)
