"""Random damages to an input: of its bytes, of its header's fields, of its files. Each is drawn from a generator."""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom import config

Damage = Callable[[Path, np.random.Generator], None]

WORDS = (
    *("", "0", "-1", "1", "3", "100", "-2147483648", "4294967296", "9" * 40, "1e308", "nan", "inf", "-inf", "1e-300"),
    *("%s%s%n", "%d", "../../../etc/passwd", "/dev/zero", "LIST", "LOCAL", "\xff\xfe", "a" * 5000, "(0,0,0)", "none"),
    *("True", "False", "MET_FLOAT", "double", "gzip", "raw", "big", "40 32", "40 32 20 1", "0 0 0", "\0", "\r", "1,2"),
)
NUMBERS = (0.0, -1.0, 1.0, 3.0, 7.0, 255.0, 32767.0, -32768.0, 1e9, -1e9, 1e38, float("nan"), float("inf"))
NIFTI_FIELDS = {
    **{40 + 2 * index: "h" for index in range(8)},
    **dict.fromkeys((70, 72, 252, 254), "h"),
    **{76 + 4 * index: "f" for index in range(8)},
    **dict.fromkeys((108, 112, 116, *range(256, 328, 4)), "f"),
    0: "i",
    123: "b",
    344: "i",
}
DICOM_TAGS = """
    SOPClassUID Modality ImageType SeriesInstanceUID StudyInstanceUID SeriesNumber InstanceNumber AcquisitionNumber
    Rows Columns NumberOfFrames SamplesPerPixel ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness
    RescaleSlope RescaleIntercept RescaleType PixelPaddingValue GantryDetectorTilt KVP ConvolutionKernel BitsStored
    ContrastBolusAgent BodyPartExamined PatientName PatientID FrameOfReferenceUID BitsAllocated HighBit PixelData
    PixelRepresentation PhotometricInterpretation PerFrameFunctionalGroupsSequence SharedFunctionalGroupsSequence
""".split()  # noqa: SIM905
_HEADER_BYTES, _NIFTI_BYTES = 1500, 352


def _some_file(folder: Path, rng: np.random.Generator) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return files[rng.integers(len(files))]


def _some_files(folder: Path, rng: np.random.Generator) -> list[Path]:
    """One, some, every second, or all but two of the files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    kinds = (files[:1], files[:: int(rng.integers(1, 4))], files[2:] or files, [_some_file(folder, rng)])
    return kinds[rng.integers(len(kinds))]


def flip_bytes(folder: Path, rng: np.random.Generator) -> None:
    path = _some_file(folder, rng)
    content = bytearray(path.read_bytes() or b" ")
    reach = len(content) if rng.random() < 0.3 else min(len(content), _HEADER_BYTES)
    for place in rng.integers(0, max(reach, 1), int(rng.integers(1, 20))):
        content[place % len(content)] = rng.choice([0, 255, rng.integers(256)])
    path.write_bytes(content)


def cut_or_grow(folder: Path, rng: np.random.Generator) -> None:
    for path in _some_files(folder, rng):
        content = path.read_bytes()
        place = int(rng.integers(len(content) + 1))
        changed = (content[:place], content[:place] + bytes(999) + content[place:], content + content, b"", bytes(999))
        path.write_bytes(changed[rng.integers(len(changed))])


def change_header_line(folder: Path, rng: np.random.Generator) -> None:
    """Change, drop, double or exchange lines of a text header; other files get their bytes flipped."""
    path = next((p for p in sorted(folder.iterdir()) if p.suffix in (".nrrd", ".nhdr", ".mha", ".mhd")), None)
    if path is None:
        flip_bytes(folder, rng)
        return
    content = path.read_bytes()
    end = re.search(rb"\n\n|ElementDataFile[^\n]*\n", content)
    head, rest = (content[: end.end()], content[end.end() :]) if end else (content, b"")
    lines = head.split(b"\n")
    for _ in range(int(rng.integers(1, 4))):
        index = int(rng.integers(len(lines)))
        name, sign, value = lines[index].partition(b"=" if path.suffix.startswith(".m") else b":")
        word = str(rng.choice(WORDS)).encode("latin-1")
        words = value.split()
        if words and rng.random() < 0.5:
            words[rng.integers(len(words))] = word
            word = b" ".join(words)
        options = ([name + sign + b" " + word], [], [lines[index]] * 2, [word + sign + value])
        lines[index : index + 1] = options[rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])]
        lines = lines or [b""]
    path.write_bytes(b"\n".join(lines) + rest)


def change_nifti_field(folder: Path, rng: np.random.Generator) -> None:
    path = next((p for p in sorted(folder.iterdir()) if ".nii" in p.name), None)
    if path is None:
        flip_bytes(folder, rng)
        return
    packed = path.suffix == ".gz"
    try:
        content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    except (OSError, EOFError, zlib.error):  # an earlier damage was enough
        return
    if len(content) < _NIFTI_BYTES:
        return
    for _ in range(int(rng.integers(1, 4))):
        offset = int(rng.choice(list(NIFTI_FIELDS)))
        kind = NIFTI_FIELDS[offset]
        number = float(rng.choice(NUMBERS))
        most = {"b": 127, "h": 32767, "i": 2**31 - 1}.get(kind)
        value = number if most is None else int(np.clip(np.nan_to_num(number), -most, most))
        struct.pack_into("<" + kind, content, offset, value)
    path.write_bytes(gzip.compress(bytes(content), 1) if packed else content)


def change_tags(folder: Path, rng: np.random.Generator) -> None:
    """Set or drop tags of some or all files; other formats get a line changed."""
    if not list(folder.rglob("*.dcm")):
        change_header_line(folder, rng)
        return
    tags = rng.choice(DICOM_TAGS, int(rng.integers(1, 3)), replace=False)
    words = [str(rng.choice(WORDS)) for _ in tags]
    with config.disable_value_validation():
        for path in _some_files(folder, rng):
            try:
                dataset = pydicom.dcmread(path)
                for tag, word in zip(tags, words, strict=True):
                    if rng.random() < 0.2:
                        dataset.pop(tag, None)
                    elif tag in dataset:
                        old = dataset[tag].value
                        if isinstance(old, int):
                            dataset[tag].value = int(rng.choice([0, 1, 8, 12, 32, 4096, 65535]))
                        elif isinstance(old, bytes):
                            dataset[tag].value = bytes(old[: int(rng.integers(len(old) + 1)) // 2 * 2])
                        elif isinstance(old, pydicom.Sequence):
                            dataset[tag].value = list(old)[: int(rng.integers(len(old) + 1))]
                        else:
                            dataset[tag].value = word
                dataset.save_as(path)
            except Exception:  # what pydicom can't write no attack needs
                flip_bytes(folder, rng)


def lose_or_mix_files(folder: Path, rng: np.random.Generator) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in _some_files(folder, rng):
        what = rng.integers(5)
        if what == 0 and len(files) > 1:
            path.unlink()
        elif what == 1:
            path.write_bytes(rng.bytes(int(rng.integers(5000))))
        elif what == 2:
            path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())
        elif what == 3:
            path.with_name("strange.dcm").unlink(missing_ok=True)
            os.mkfifo(path.with_name("strange.dcm"))
        else:
            path.with_name("link.dcm").unlink(missing_ok=True)
            path.with_name("link.dcm").symlink_to(rng.choice(["link.dcm", "nowhere", ".", "/dev/zero"]))


DAMAGES: tuple[Damage, ...] = (
    *(flip_bytes, cut_or_grow, change_header_line, change_nifti_field, change_tags, lose_or_mix_files),
)
