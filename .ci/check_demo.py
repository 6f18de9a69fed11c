"""Holds the demo's folder against its contract: every file there, valid, and near enough to the phantom's truth."""

from __future__ import annotations

import json
import sys
from pathlib import Path

LEVEL_ERROR_MM = 5.0
DICE = 0.95


def problems(folder: Path) -> list[str]:
    """Return one sentence for each thing wrong with the demo's results in ``folder``."""
    files = ("result.json", "comparison.json", "segmentation.seg.nrrd", "report.html", "overview.png")
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        return [f"missing: {', '.join(missing)}"]
    return [*_schema(folder), *_comparison(folder), *_pictures(folder), *_segmentation(folder)]


def _schema(folder: Path) -> list[str]:
    import jsonschema

    from OsteoJointLib import output

    schema = json.loads((Path(output.__file__).parent / "result.schema.json").read_text(encoding="utf-8"))
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    return [f"result.json: {error.json_path}: {error.message}" for error in validator.iter_errors(result)]


def _comparison(folder: Path) -> list[str]:
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    found = []
    for level in ("L1", "L2"):
        error_mm, dice = comparison["levels_error_mm"][level], comparison["dice"][level]
        if not error_mm <= LEVEL_ERROR_MM:
            found.append(f"{level}: expected its center within {LEVEL_ERROR_MM} mm of the truth, came {error_mm}")
        if not dice >= DICE:
            found.append(f"{level}: expected Dice of at least {DICE}, came {dice}")
    status = comparison["status"]
    if status["truth"] != status["predicted"]:
        found.append(f"expected the class {status['truth']}, came {status['predicted']}")
    if "bmd_mg_cm3" not in comparison:
        found.append("comparison.json lacks bmd_mg_cm3")
    return found


def _pictures(folder: Path) -> list[str]:
    import cv2

    found = []
    overview = cv2.imread(str(folder / "overview.png"))
    if overview is None or overview.std() < 5:
        found.append("overview.png is no picture, or an empty one")
    report = (folder / "report.html").read_text(encoding="utf-8")
    if "research" not in report.lower():
        found.append("report.html lacks the research-only notice")
    if 'src="http' in report or 'href="http' in report.replace('<a href="http', ""):
        found.append("report.html reaches outside itself")
    return found


def _segmentation(folder: Path) -> list[str]:
    import SimpleITK

    image = SimpleITK.ReadImage(str(folder / "segmentation.seg.nrrd"))
    if not SimpleITK.GetArrayViewFromImage(image).any():
        return ["segmentation.seg.nrrd is empty"]
    names = {image.GetMetaData(key) for key in image.GetMetaDataKeys() if key.endswith("_Name")}
    return (
        [] if {"L1", "L2"} <= names else [f"segmentation.seg.nrrd: expected segments L1 and L2, came {sorted(names)}"]
    )


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    print(
        "The demo's results are as they should be." if not wrong else f"{len(wrong)} problem(s) in the demo's results."
    )
    sys.exit(bool(wrong))
