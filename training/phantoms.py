"""Phantom CTs on disk, with their truth and a dataset manifest (``cases.jsonl``, design §5)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.io.atomic import write_text_whole
from OsteoJointLib.records import Level

if TYPE_CHECKING:
    from OsteoJointLib.phantom.cases import Phantom

FORMAT = "osteojoint.cases/1"


def write_phantoms(
    first_seed: int, count: int, folder: Path, dicom: bool = False, rods: bool = False
) -> list[dict[str, Any]]:
    """Write phantoms of consecutive seeds and their manifest.

    Args:
        first_seed, count: which.
        folder: gets ``<id>/ct.nrrd``, ``<id>/labels.nrrd``, ``<id>/truth.json`` and ``cases.jsonl``; a manifest that
            is there already keeps its other cases.
        dicom: write ``<id>/dicom`` as well, a DICOM series.
        rods: lay calibration rods under the back.

    Returns:
        The manifest's entries of these phantoms.

    Raises:
        UsageError: ``count`` is below 1.
    """
    from OsteoJointLib.phantom.cases import make_phantom
    from OsteoJointLib.phantom.writing import write_dicom_series, write_labels, write_nrrd, write_truth

    if count < 1:
        raise UsageError(Reason.USAGE, f"At least one phantom was expected; came --count {count}.")
    manifest = folder / "cases.jsonl"
    kept = {case["id"]: case for case in _read(manifest)}
    made = []
    for seed in range(first_seed, first_seed + count):
        phantom = make_phantom(seed, rods=rods)
        name = f"phantom-{seed:07d}"
        paths = [write(phantom, folder / name) for write in (write_nrrd, write_labels, write_truth)]
        if dicom:
            write_dicom_series(phantom, folder / name)
        case = manifest_entry(phantom, name, folder, image=paths[0], mask=paths[1])
        made.append(case)
        kept[name] = case
        write_text_whole(manifest, "".join(json.dumps(case) + "\n" for case in kept.values()))
        print(f"{name}: {phantom.truth.status.value}, {phantom.truth.mean_bmd_mg_cm3:.0f} mg/cm3", flush=True)
    return made


def manifest_entry(phantom: Phantom, name: str, folder: Path, image: Path, mask: Path) -> dict[str, Any]:
    """Describe one case: relative paths, hashes of the files, centers (LPS mm), BMD by level with its method, class."""
    truth = phantom.truth
    return {
        "format": FORMAT,
        "id": name,
        "patient": name,
        "image": _file(image, folder),
        "mask": {**_file(mask, folder), "kind": "body"},
        "levels": {level.value: {"center_lps_mm": list(truth.centers_lps_mm[level.verse_label])} for level in Level},
        "bmd": {level.value: {"mg_cm3": truth.bmd_mg_cm3[level], "method": "phantom truth"} for level in Level},
        "status": truth.status.value,
    }


def _file(path: Path, folder: Path) -> dict[str, str]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": path.relative_to(folder).as_posix(), "sha256": digest}


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
