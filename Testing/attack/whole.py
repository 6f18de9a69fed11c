"""Attack the whole chain: a small phantom is stored otherwise, and must be read alike; or it is damaged at random.

Storing the same CT in another order of axes, type of numbers, compression or rescale changes nothing of the patient. So
levels and HU must be the same, or the file be refused; after random damages nothing may break, whatever is read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import JPEG2000Lossless, RLELossless

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.phantom.writing import write_dicom_series
from Testing.attack.damages import DAMAGES
from Testing.attack.inputs import Child, faults_of
from Testing.attack.records import Records, Tried
from Testing.attack.seeds import small_phantom

MOST_GIB = 2.0
"""Memory of the reading process, networks included."""
_FILES = ("ct.nrrd", "ct.nii.gz", "ct.mha")
_SAME_MM, _SAME_HU = 3.5, 3.0
"""One voxel, and the rounding of masks: so far may centers and HU lie from those of the CT as it was (chosen)."""

Change = Callable[[sitk.Image, np.random.Generator], sitk.Image]


def turn_axes(image: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    return sitk.PermuteAxes(image, [int(axis) for axis in rng.permutation(3)])


def flip_axes(image: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    return sitk.Flip(image, [bool(rng.integers(2)) for _ in range(3)])


def store_floats(image: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    return sitk.Cast(image, [sitk.sitkFloat32, sitk.sitkFloat64, sitk.sitkInt32][rng.integers(3)])


def pad_with_air(image: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    return sitk.ConstantPad(image, (8, 8, 0), (8, 0, 0), -1024)


def leave_as_it_is(image: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    return image


CHANGES: tuple[Change, ...] = (leave_as_it_is, turn_axes, flip_axes, store_floats, pad_with_air)


def compress(path: Path, rng: np.random.Generator) -> None:
    dataset = pydicom.dcmread(path)
    dataset.compress([RLELossless, JPEG2000Lossless][rng.integers(2)], generate_instance_uid=False)
    dataset.save_as(path)


def rescale(path: Path, rng: np.random.Generator) -> None:
    dataset = pydicom.dcmread(path)
    values = np.frombuffer(dataset.PixelData, "<u2").astype(np.int32) - 1024
    dataset.RescaleSlope, dataset.RescaleIntercept = 0.5, -2000
    dataset.BitsStored, dataset.HighBit, dataset.PixelData = 16, 15, ((values + 2000) * 2).astype("<u2").tobytes()
    dataset.save_as(path)


def lie_high(path: Path, rng: np.random.Generator) -> None:
    dataset = pydicom.dcmread(path)
    values = (np.frombuffer(dataset.PixelData, "<u2") & 0xFFF) << 4
    values[::5] |= 1
    dataset.BitsStored, dataset.HighBit, dataset.PixelData = 12, 15, values.tobytes()
    dataset.save_as(path)


def rename(path: Path, rng: np.random.Generator) -> None:
    path.rename(path.with_name(f"{rng.integers(2**60)}.dcm"))


DICOM_CHANGES = (compress, rescale, lie_high, rename)


def attack_whole(numbers: Iterable[int], seed: int, out: Path, records: Records) -> None:
    """Read the whole chain of changed and damaged phantoms; the arguments are those of ``attack_inputs``."""
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="attack-") as temporary,
        Child(out / "whole.log", "--whole", most_gib=MOST_GIB) as child,
    ):
        place = Path(temporary)
        phantom = small_phantom(1)
        image = sitk.GetImageFromArray(phantom.volume.hu)
        image.SetSpacing(phantom.volume.grid.spacing_xyz_mm)
        image.SetOrigin(phantom.volume.grid.origin_lps_mm)
        case = SimpleNamespace(volume=phantom.volume, truth=SimpleNamespace(seed=1))
        series = write_dicom_series(case, place / "series")
        sitk.WriteImage(image, place / "ct.nrrd")
        sound = child.ask(place / "ct.nrrd")
        assert sound["outcome"] == "read", sound

        def judge(answer: dict) -> str:
            if answer["outcome"] == "refused":
                return f"should be read: {answer['messages'][0]}"
            off_mm = np.abs(np.subtract(answer["centers"], sound["centers"])).max()
            off_hu = np.abs(np.subtract(answer["hu"], sound["hu"])).max()
            return "" if off_mm < _SAME_MM and off_hu < _SAME_HU else f"{off_mm:.1f} mm and {off_hu:.1f} HU off"

        for number in numbers:
            rng = np.random.default_rng([seed, number, 1])
            folder = place / "case"
            shutil.rmtree(folder, ignore_errors=True)
            is_dicom, is_known = number % 2 == 1, number % 4 < 2
            if is_dicom:
                shutil.copytree(series, folder)
                change = DICOM_CHANGES[number // 4 % len(DICOM_CHANGES)]
                if is_known:
                    for file in sorted(folder.iterdir()):
                        change(file, rng)
                path, what = folder, f"{change.__name__}, DICOM"
            else:
                folder.mkdir()
                change = CHANGES[number // 4 % len(CHANGES)]
                path = folder / _FILES[number // 2 % len(_FILES)]
                sitk.WriteImage(change(image, rng) if is_known else image, path)
                what = f"{change.__name__}, {path.name}"
            if not is_known:
                DAMAGES[int(rng.integers(len(DAMAGES)))](folder, rng)
                what = f"random damage, {'DICOM' if is_dicom else path.name}"
            answer = child.ask(path)
            outcome = ": ".join([answer["outcome"], *answer["codes"][:1]])
            took = {name: round(answer.get(name, 0.0), 3) for name in ("seconds", "peak_gib")}
            faults = faults_of(answer, judge if is_known else None)
            records.add(Tried("whole", number, what, outcome, faults=faults, **took))
            if faults:
                shutil.rmtree(out / f"whole-{seed}-{number}", ignore_errors=True)
                shutil.copytree(folder, out / f"whole-{seed}-{number}", symlinks=True)


def read_document(out: Path) -> dict[str, object]:
    """Make a ``result.json`` for stand-ins to write: that of a small phantom, read once and kept."""
    from OsteoJointLib.output.result_json import result_document
    from OsteoJointLib.pipeline.loading import load_reader
    from OsteoJointLib.pipeline.settings import ReadOptions

    path = out / "document.json"
    if not path.exists():
        result = load_reader(threads=1).read(small_phantom(1).volume, options=ReadOptions(volume=False))
        out.mkdir(parents=True, exist_ok=True)
        write_text_whole(path, json.dumps(result_document(result)))
    return json.loads(path.read_text(encoding="utf-8"))
