"""How often facts estimated from the image are right, and faults of the HU are named.

On phantoms, each a slab about L1 and L2: contrast phase and kernel against what it was scanned with (a confusion table
each); nine wrong HU scales, and the false alarms of the right one by tube voltage, phase and size; what is named in
sound bodies. Then phantoms into which a fault is painted: four by which L1 and L2 contradict each other, and metal
beside a body, far from it, and beside T12. About four seconds a phantom and fifteen for each that is painted; a run
that was stopped goes on from its file.

    .venv/bin/python Testing/measure_doubts.py --cases 64 --painted 3 --json doubts.json
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
from OsteoJointLib.phantom.draws.findings import Findings
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.contradictions import ODD_CODES
from OsteoJointLib.pipeline.known_facts import completed
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtVolume, Level, SourceInfo

FIRST_SEED = 8000
"""Other phantoms than those on which the estimates were set (7000 to 7147)."""
PIXELS, FRONT_MM = 512, 50.0
BELOW_MM, SLICES, SLICE_MM = -36.0, 16, 5.0
"""A slab about the disc of L1 and L2, which lies at 0: both bodies, and enough fat and air."""
TALL_BELOW_MM, TALL_SLICES, TALL_SLICE_MM = -70.0, 35, 4.0
"""The same with T12 and L3, by which the odd one is told."""
WRONG_SCALES = [(1.0, 24), (1.0, -24), (1.0, 40), (1.0, -40), (1.0, 60), (1.0, -60), (1.2, 0), (1.5, 0), (2.0, 0)]
SIZES_CM = (25.0, 31.0)
"""Between slim, usual and large trunks, as in measure_calibration."""
BALL_MM, METAL_MM, METAL_HU = 13.0, 5.0, 3000
METAL_AT_MM = {"metal beside": (30.0, 0.0), "metal far": (85.0, 0.0), "metal at T12 or L3": (0.0, 36.0)}
"""Sideways from the body's center, and from it away from the other level."""
QUICK = ReadOptions(gradcam=False, volume=False)


def main() -> None:
    """Make the phantoms, read them and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=64, help="phantoms (default: 64)")
    parser.add_argument("--painted", type=int, default=3, help="phantoms that are painted (default: 3)")
    parser.add_argument("--json", type=Path, required=True, help="where tables and rows are written, and found again")
    arguments = parser.parse_args()
    reader = load_reader()
    document: dict = {"cases": [], "painted": []}
    if arguments.json.exists():
        document = json.loads(arguments.json.read_text(encoding="utf-8"))
    for part, seeds, rows_of in (
        ("cases", chosen_seeds(arguments.cases), case_rows),
        ("painted", painted_seeds(arguments.painted), painted_rows),
    ):
        done = {row["seed"] for row in document[part]}
        for seed in seeds:
            if seed not in done:
                document[part] += rows_of(reader, seed)
                arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    document["tables"] = tables_of(document)
    arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(text_of(document)))


def chosen_seeds(count: int) -> list[int]:
    """Choose phantoms of which every phase and kernel has its share: at most an eighth have the same of both."""
    seen: Counter = Counter()
    chosen: list[int] = []
    seed = FIRST_SEED
    while len(chosen) < count:
        protocol = drawn_protocol(seed)
        kind = (protocol.phase, protocol.kernel)
        phase = sum(number for (one, _), number in seen.items() if one == protocol.phase)
        if seen[kind] < max(1, count // 8) and phase < max(1, count // 3):
            seen[kind] += 1
            chosen.append(seed)
        seed += 1
    return chosen


def painted_seeds(count: int) -> list[int]:
    """Choose phantoms without contrast; whether their bodies are sound is told in their rows."""
    seeds = (seed for seed in range(FIRST_SEED, FIRST_SEED + 1000) if drawn_protocol(seed).phase == "none")
    return [next(seeds) for _ in range(count)]


def slab(pixel_mm: float, below_mm: float, slices: int, slice_mm: float) -> Grid:
    """Lay a grid of whole slices about the disc of L1 and L2."""
    half = 0.5 * pixel_mm * (PIXELS - 1)
    return Grid.axis_aligned(
        (slices, PIXELS, PIXELS), (pixel_mm, pixel_mm, slice_mm), (-half, -half - FRONT_MM, below_mm)
    )


def points_of(phantom: Phantom) -> dict[Level, tuple[float, float, float]]:
    """Return the true centers."""
    return {level: phantom.truth.centers_lps_mm[level.verse_label] for level in Level}


def with_finding(phantom: Phantom) -> list[Level]:
    """List the levels that aren't plain bone."""
    drawn = phantom.truth.drawn["person"]
    findings = Findings(**{name: drawn[name] for name in Findings.__dataclass_fields__})
    return [level for level in Level if findings.has_finding(level.verse_label)]


def has_metal(phantom: Phantom) -> bool:
    """Whether metal lies anywhere in the patient: beside L1 and L2 it is rightly named."""
    drawn = phantom.truth.drawn
    return drawn["acquisition"]["metal_at_mm"] is not None or drawn["person"]["implant"] != "none"


def case_rows(reader: Reader, seed: int) -> list[dict]:
    """Read a phantom without its header; what is estimated beside the truth, and which scales are named."""
    phantom = make_phantom(seed, grid=slab(drawn_protocol(seed).pixel_mm, BELOW_MM, SLICES, SLICE_MM))
    truth = phantom.truth
    size = ("slim", "usual", "large")[int(np.searchsorted(SIZES_CM, truth.drawn["beam"]["thickness_cm"]))]
    row = {"seed": seed, "phase": truth.contrast_phase, "kernel": truth.kernel, "kvp": truth.kvp, "size": size}
    row |= {"with_finding": with_finding(phantom), "metal": has_metal(phantom), "scales": scales_named(phantom)}
    source = replace(phantom.volume.source, kvp=None, kernel=None, contrast=None)
    try:
        result = reader.read(replace(phantom.volume, source=source), points_of(phantom), QUICK)
    except OsteoJointError as error:
        return [row | {"refused": error.reason.value}]
    known = completed(replace(source, kvp=truth.kvp), result.readings, QUICK)
    row |= said_of(result.volume.source, "") | {"phase_said_kvp": said_of(known, "")["phase_said"]}
    return [row | {"odd": odd_codes(result), "unreliable": is_unreliable(result)}]


def said_of(source: SourceInfo, tail: str) -> dict[str, str | float | None]:
    """Return what is known in the end of contrast and kernel."""
    phase = source.phase.value if source.phase else {True: "given", False: "none", None: "unknown"}[source.contrast]
    return {
        f"phase_said{tail}": phase,
        f"phase_confidence{tail}": source.fact("contrast").confidence,
        f"kernel_said{tail}": source.kernel or "unknown",
        f"kernel_confidence{tail}": source.fact("kernel").confidence,
    }


def odd_codes(result: CaseResult) -> list[str]:
    """List what was said to be no bone of its own."""
    return sorted({f"{flag.level}: {flag.code}" for flag in result.flags if flag.code in ODD_CODES})


def is_unreliable(result: CaseResult) -> bool:
    """Say whether the class was called not reliable."""
    return any(flag.code is Reason.CLASS_NOT_RELIABLE for flag in result.flags)


def scales_named(phantom: Phantom) -> dict[str, list[bool]]:
    """Say of which scales the flag is raised, with and without the voltage; the right one is the false alarm."""
    hu, named = phantom.volume.hu.astype(np.float32), {}
    for factor, offset in [(1.0, 0), *WRONG_SCALES]:
        stored = np.clip(np.rint(factor * hu + offset), -1024, 3071).astype(np.int16)
        scale = measure_scale(stored, phantom.volume.grid)
        named[f"x{factor:g}{offset:+d}"] = [bool(scale_flags(scale, kvp)) for kvp in (phantom.truth.kvp, None)]
    return named


def painted_rows(reader: Reader, seed: int) -> list[dict]:
    """Paint each fault into L1 and into L2 of a phantom, and read it."""
    phantom = make_phantom(seed, grid=slab(drawn_protocol(seed).pixel_mm, TALL_BELOW_MM, TALL_SLICES, TALL_SLICE_MM))
    rows = [painted_row(reader, phantom, "none", None, phantom.volume)]
    for level in Level:
        rows += [painted_row(reader, phantom, name, level, ct) for name, ct in painted(phantom, level)]
    return rows


def painted(phantom: Phantom, level: Level) -> Iterator[tuple[str, CtVolume]]:
    """Paint cement, sclerosis and lysis into a ball in the body, another intercept into its slice, and metal."""
    volume, center = phantom.volume, np.array(phantom.truth.centers_lps_mm[level.verse_label])
    axes = [
        origin + np.arange(n) * step
        for origin, n, step in zip(
            volume.grid.origin_lps_mm[::-1], volume.hu.shape, volume.grid.spacing_xyz_mm[::-1], strict=True
        )
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)

    def near(place: np.ndarray) -> np.ndarray:
        return np.sqrt((z - place[2]) ** 2 + (y - place[1]) ** 2 + (x - place[0]) ** 2)

    distance = near(center)
    ball = (distance < BALL_MM) & (phantom.labels == level.verse_label)
    middle = np.abs(axes[0] - center[2]).argmin()
    faults: dict[str, Callable[[np.ndarray], None]] = {
        "cement": lambda hu: np.copyto(hu, 1600, where=ball & (distance < 0.75 * BALL_MM)),
        "sclerosis": lambda hu: np.add(hu, 200, out=hu, where=ball),
        "lysis": lambda hu: np.subtract(hu, 150, out=hu, where=ball),
        "intercept": lambda hu: np.add(hu[middle], 152, out=hu[middle]),
    }
    outward = 1.0 if level is Level.L1 else -1.0
    for name, (aside_mm, away_mm) in METAL_AT_MM.items():
        place = center + np.array([aside_mm, 0.0, outward * away_mm])
        metal = near(place) < METAL_MM
        faults[name] = lambda hu, metal=metal: np.copyto(hu, METAL_HU, where=metal)
    for name, paint in faults.items():
        hu = volume.hu.copy()
        paint(hu)
        yield name, replace(volume, hu=hu)


def painted_row(reader: Reader, phantom: Phantom, fault: str, level: Level | None, ct: CtVolume) -> dict:
    """Read a painted phantom: what is named, and what is left out."""
    result = reader.read(ct, points_of(phantom), QUICK)
    said = result.classification
    return {
        "seed": phantom.truth.seed,
        "with_finding": with_finding(phantom),
        "fault": fault,
        "level": level,
        "hu": [reading.slice_measurement.hu_mean for reading in result.readings],
        "named": odd_codes(result),
        "left_out": said and said.left_out,
        "reason": said and said.left_out_reason,
        "reliable": not is_unreliable(result),
    }


def tables_of(document: dict) -> dict:
    """Count: confusions, scales that were named, false alarms by what the scans differ in, painted faults."""
    read = [row for row in document["cases"] if "refused" not in row]
    found: dict = {
        name: confusion(read, truth, said)
        for name, truth, said in (
            ("phase, voltage unknown", "phase", "phase_said"),
            ("phase, voltage known", "phase", "phase_said_kvp"),
            ("kernel", "kernel", "kernel_said"),
        )
    }
    rows = document["cases"]
    heads = list(rows[0]["scales"]) if rows else []
    found["scales named (voltage known, unknown)"] = {
        head: [sum(row["scales"][head][which] for row in rows) for which in (0, 1)] + [len(rows)] for head in heads
    }
    for what in ("kvp", "phase", "size"):
        counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for row in rows:
            for which in (0, 1):
                counts[str(row[what])][which] += row["scales"][heads[0]][which]
            counts[str(row[what])][2] += 1
        found[f"false alarms of the scale by {what} (voltage known, unknown)"] = dict(sorted(counts.items()))
    sound = [row for row in read if not row["with_finding"] and not row["metal"]]
    found["sound phantoms"] = {
        "read": len(sound),
        "odd": sum(bool(row["odd"]) for row in sound),
        "unreliable": sum(row["unreliable"] for row in sound),
    }
    named: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in document["painted"]:
        if row["with_finding"]:
            continue
        counts = named[row["fault"]]
        counts[0] += any(one.startswith(str(row["level"])) for one in row["named"])
        counts[1] += row["left_out"] == row["level"] is not None
        counts[2] += row["reliable"]
        counts[3] += 1
    found["painted into sound bodies (named at its level, it alone left out, class reliable)"] = dict(named)
    return found


def confusion(rows: list[dict], truth: str, said: str) -> dict[str, dict[str, int]]:
    """Count what is said (columns) of each truth (rows)."""
    counts: defaultdict[str, Counter] = defaultdict(Counter)
    for row in rows:
        counts[row[truth]][row[said]] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts)}


def text_of(document: dict) -> Iterator[str]:
    """Say the tables, and every painted row."""
    for title, counts in document["tables"].items():
        lines = [f"  {name}: {value}" for name, value in counts.items()]
        yield "\n".join([title, *lines])
    heads = ["seed", "fault", "level", "HU L1", "HU L2", "left out", "reason", "reliable", "named"]
    cells = [
        [
            *(row[name] for name in ("seed", "fault", "level")),
            *("–" if hu is None else f"{hu:.0f}" for hu in row["hu"]),
            *(row["left_out"], row["reason"], "yes" if row["reliable"] else "no", ", ".join(row["named"])),
        ]
        for row in document["painted"]
    ]
    if cells:
        yield table([heads, *[[str(cell or "–") for cell in row] for row in cells]])


if __name__ == "__main__":
    main()
