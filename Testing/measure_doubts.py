"""How often facts estimated from the image are right, and faults of the HU are named: on phantoms, as JSON and tables.

Four things are measured: contrast phase and kernel against what the phantom was scanned with (a confusion table each);
nine wrong HU scales, and the false alarms of right ones; four phantoms painted so that L1 and L2 contradict each other;
and, with --real, the flags of the CTs in a folder (looked at, never trained on).

    .venv/bin/python Testing/measure_doubts.py --cases 24 --out doubts.json
    .venv/bin/python Testing/measure_doubts.py --cases 0 --real ../shared/ct --out real.json
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from OsteoJointLib.cli.text_table import table
from OsteoJointLib.errors import OsteoJointError, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.hu_scale import measure_scale, scale_flags
from OsteoJointLib.phantom.cases import Phantom, drawn_protocol, make_phantom
from OsteoJointLib.pipeline.contradictions import ODD_CODES
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import Reader, analyze
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtVolume, Level

FIRST_SEED = 8000
"""Other phantoms than those on which the estimates were set (7000 to 7147)."""
PIXELS, FRONT_MM = 512, 50.0
BELOW_MM, SLICES, SLICE_MM = -36.0, 16, 5.0
"""A slab about the disc of L1 and L2, which lies at 0: both bodies, and enough fat and air."""
TALL_BELOW_MM, TALL_SLICES, TALL_SLICE_MM = -70.0, 35, 4.0
"""The same with T12 and L3, by which the odd one is told."""
WRONG_SCALES = [(1.0, 24), (1.0, -24), (1.0, 40), (1.0, -40), (1.0, 60), (1.0, -60), (1.2, 0), (1.5, 0), (2.0, 0)]
BALL_MM = 13.0
QUICK = ReadOptions(gradcam=False, volume=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=24, help="phantoms (default: 24)")
    parser.add_argument("--real", type=Path, metavar="DIR", help="a folder of CTs whose flags are listed")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON")
    arguments = parser.parse_args()
    reader = load_reader()
    document = {}
    if arguments.cases:
        document |= {"facts": [], "scales": []}
        for phantom in phantoms(arguments.cases):
            document["facts"].append(facts_row(reader, phantom))
            document["scales"].append(scale_row(phantom))
        document["painted"] = painted_rows(reader)
    if arguments.real is not None:
        document["real"] = [flags_row(reader, path) for path in real_cts(arguments.real)]
    arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print("\n\n".join(tables(document)))


def slab(pixel_mm: float, below_mm: float, slices: int, slice_mm: float) -> Grid:
    half = 0.5 * pixel_mm * (PIXELS - 1)
    return Grid.axis_aligned(
        (slices, PIXELS, PIXELS), (pixel_mm, pixel_mm, slice_mm), (-half, -half - FRONT_MM, below_mm)
    )


def phantoms(count: int) -> Iterator[Phantom]:
    """Make phantoms of which every phase and kernel has its share: at most a quarter have the same of both."""
    seen: Counter = Counter()
    seed = FIRST_SEED
    while sum(seen.values()) < count:
        protocol = drawn_protocol(seed)
        kind = (protocol.phase, protocol.kernel)
        phase = sum(number for (one, _), number in seen.items() if one == protocol.phase)
        if seen[kind] < max(1, count // 8) and phase < max(1, count // 3):
            seen[kind] += 1
            yield make_phantom(seed, grid=slab(protocol.pixel_mm, BELOW_MM, SLICES, SLICE_MM))
        seed += 1


def points_of(phantom: Phantom) -> dict[Level, tuple[float, float, float]]:
    return {level: phantom.truth.centers_lps_mm[level.verse_label] for level in Level}


def facts_row(reader: Reader, phantom: Phantom) -> dict:
    """Read a phantom without its header; what is estimated beside the truth."""
    truth = phantom.truth
    row = {"seed": truth.seed, "phase": truth.contrast_phase, "kernel": truth.kernel, "kvp": truth.kvp}
    for name, kvp in (("", None), ("_with_kvp", truth.kvp)):
        source = replace(phantom.volume.source, kvp=kvp, kernel=None, contrast=None)
        try:
            result = reader.read(replace(phantom.volume, source=source), points_of(phantom), QUICK)
        except OsteoJointError as error:
            return row | {"refused": error.reason.value}
        said = result.volume.source
        phase = said.phase.value if said.phase else {True: "given", False: "none", None: "unknown"}[said.contrast]
        row |= {f"said_phase{name}": phase, f"phase_confidence{name}": said.fact("contrast").confidence}
        row |= {"said_kernel": said.kernel or "unknown", "kernel_confidence": said.fact("kernel").confidence}
        row["odd"] = sorted({f"{flag.level}: {flag.code}" for flag in result.flags if flag.code in ODD_CODES})
    return row


def scale_row(phantom: Phantom) -> dict:
    """Say of which scales the flag is raised, with and without the voltage; the right one is the false alarm."""
    hu, row = phantom.volume.hu.astype(np.float32), {"seed": phantom.truth.seed, "kvp": phantom.truth.kvp}
    for factor, offset in [(1.0, 0), *WRONG_SCALES]:
        stored = np.clip(np.rint(factor * hu + offset), -1024, 3071).astype(np.int16)
        scale = measure_scale(stored, phantom.volume.grid)
        row[f"x{factor:g}{offset:+d}"] = [bool(scale_flags(scale, kvp)) for kvp in (phantom.truth.kvp, None)]
    return row


def painted_rows(reader: Reader) -> list[dict]:
    """Paint four faults into L1 and into L2 of an unenhanced phantom, and read it."""
    seed = next(seed for seed in range(FIRST_SEED, FIRST_SEED + 100) if drawn_protocol(seed).phase == "none")
    grid = slab(drawn_protocol(seed).pixel_mm, TALL_BELOW_MM, TALL_SLICES, TALL_SLICE_MM)
    phantom = make_phantom(seed, grid=grid)
    rows = [painted_row(reader, phantom, "none", None, phantom.volume)]
    for level in Level:
        rows += [painted_row(reader, phantom, name, level, ct) for name, ct in painted(phantom, level)]
    return rows


def painted(phantom: Phantom, level: Level) -> Iterator[tuple[str, CtVolume]]:
    """Paint cement, sclerosis and lysis into a ball in the body, and give its middle slice another intercept."""
    volume, center = phantom.volume, np.array(phantom.truth.centers_lps_mm[level.verse_label])
    axes = [
        origin + np.arange(n) * step
        for origin, n, step in zip(
            volume.grid.origin_lps_mm[::-1], volume.hu.shape, volume.grid.spacing_xyz_mm[::-1], strict=True
        )
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    distance = np.sqrt((z - center[2]) ** 2 + (y - center[1]) ** 2 + (x - center[0]) ** 2)
    ball = (distance < BALL_MM) & (phantom.labels == level.verse_label)
    middle = np.abs(axes[0] - center[2]).argmin()
    faults: dict[str, Callable[[np.ndarray], None]] = {
        "cement": lambda hu: np.copyto(hu, 1600, where=ball & (distance < 0.75 * BALL_MM)),
        "sclerosis": lambda hu: np.add(hu, 200, out=hu, where=ball),
        "lysis": lambda hu: np.subtract(hu, 150, out=hu, where=ball),
        "intercept": lambda hu: np.add(hu[middle], 152, out=hu[middle]),
    }
    for name, paint in faults.items():
        hu = volume.hu.copy()
        paint(hu)
        yield name, replace(volume, hu=hu)


def painted_row(reader: Reader, phantom: Phantom, fault: str, level: Level | None, ct: CtVolume) -> dict:
    result = reader.read(ct, points_of(phantom), QUICK)
    said = result.classification
    return {
        "fault": fault,
        "level": level,
        "hu": [reading.slice_measurement.hu_mean for reading in result.readings],
        "named": sorted({f"{flag.level}: {flag.code}" for flag in result.flags if flag.code in ODD_CODES}),
        "left_out": said and said.left_out,
        "reason": said and said.left_out_reason,
        "reliable": all(flag.code is not Reason.CLASS_NOT_RELIABLE for flag in result.flags),
    }


def real_cts(folder: Path) -> list[Path]:
    """List the CTs of a folder that are whole: volume files called ct or a plane, and folders called dicom."""
    names = ("ct.nii.gz", "sagittal.nii.gz", "coronal.nii.gz", "dicom")
    return sorted(path for name in names for path in folder.glob(f"*/{name}"))


def flags_row(reader: Reader, path: Path) -> dict:
    name = f"{path.parent.name}/{path.name}"
    try:
        result = analyze(path, lambda: reader, options=QUICK)
    except OsteoJointError as error:
        return {"ct": name, "refused": error.reason.value}
    source = result.volume.source
    facts = {one: [source.fact(one).value, source.fact(one).origin] for one in ("kvp", "kernel", "contrast")}
    flags = [f"{flag.level}: {flag.code}" if flag.level else str(flag.code) for flag in result.flags]
    return {"ct": name, **facts, "phase": source.phase, "flags": list(dict.fromkeys(flags))}


def tables(document: dict) -> Iterator[str]:
    facts = [row for row in document.get("facts", []) if "refused" not in row]
    for title, truth, said in (
        ("Contrast phase, voltage unknown", "phase", "said_phase"),
        ("Contrast phase, voltage known", "phase", "said_phase_with_kvp"),
        ("Kernel", "kernel", "said_kernel"),
    ):
        if facts:
            yield f"{title} (rows: truth, columns: said)\n{confusion(facts, truth, said)}"
    if scales := document.get("scales"):
        heads = [name for name in scales[0] if name.startswith("x")]
        counts = [[name, *(sum(row[name][which] for row in scales) for which in (0, 1))] for name in heads]
        rows = [["scale", "named, kVp known", "named, unknown"], *[[str(cell) for cell in row] for row in counts]]
        yield f"HU scales of {len(scales)} phantoms (the first is right)\n{table(rows)}"
    if rows := document.get("painted"):
        heads = ["fault", "level", "HU L1", "HU L2", "left out", "reason", "reliable", "named"]
        cells = [
            [
                row["fault"],
                row["level"],
                *(f"{hu:.0f}" for hu in row["hu"]),
                row["left_out"],
                row["reason"],
                "yes" if row["reliable"] else "no",
                ", ".join(row["named"]),
            ]
            for row in rows
        ]
        yield table([heads, *[[str(cell or "–") for cell in row] for row in cells]])
    for row in document.get("real", []):
        yield f"{row['ct']}: " + "; ".join(f"{name} {value}" for name, value in row.items() if name != "ct")


def confusion(rows: list[dict], truth: str, said: str) -> str:
    counts: defaultdict[str, Counter] = defaultdict(Counter)
    for row in rows:
        counts[row[truth]][row[said]] += 1
    columns = sorted({row[said] for row in rows})
    lines = [[name, *(str(counts[name][column]) for column in columns)] for name in counts]
    return table([["", *columns], *lines])


if __name__ == "__main__":
    main()
