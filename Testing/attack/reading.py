"""The guarded child of an attack: reads one input a line of its standard input, and answers with one line of JSON.

It may die, hang or take too much memory; its parent sees that. Anything but a volume or a refusal is a fault. With
``--whole`` the whole chain reads, with the shipped weights.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

ADDRESS_SPACE_GIB = 8
"""So much the child may ever map; libraries alone take two."""
ALLOWED_GIB = 0.25
"""``memory_gib`` of its settings: the seeds need a thousandth."""


def _told(case: Any) -> dict[str, Any]:
    """Tell what was read."""
    volumes = [case.l1, case.l2] if hasattr(case, "l1") else [case]
    grid = volumes[0].grid
    return {
        "outcome": "pair" if len(volumes) == 2 else "read",
        "codes": sorted({flag.code.value for volume in volumes for flag in volume.flags}),
        "messages": [flag.message for volume in volumes for flag in volume.flags],
        "shape": list(volumes[0].hu.shape),
        "spacing": list(grid.spacing_xyz_mm),
        "finite": all(abs(mm) < 1e6 for mm in (*grid.spacing_xyz_mm, *grid.origin_lps_mm)),
    }


def _told_whole(result: Any) -> dict[str, Any]:
    """Tell what the whole chain found, beside what :func:`_told` tells."""
    from OsteoJointLib.output.result_json import result_document

    document = result_document(result)
    return {
        "codes": sorted({flag["code"] for flag in document["flags"]}),
        "messages": [flag["message"] for flag in document["flags"]],
        "centers": [document["levels"][level]["center_ras_mm"] for level in ("L1", "L2")],
        "hu": [document["measurements"][level]["hu_mean"] for level in ("L1", "L2")],
    }


def _peak_gib() -> float:
    """Tell the most memory that this process ever held; ``getrusage`` would tell its parent's before it began."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(line) / 2**20


def main() -> None:
    limit = ADDRESS_SPACE_GIB * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    from OsteoJointLib.errors import InputRefused
    from OsteoJointLib.io.ct_input import read_ct
    from OsteoJointLib.io.limits import ReadingLimits

    reader = None
    if "--whole" in sys.argv:
        from OsteoJointLib.pipeline.loading import load_reader
        from OsteoJointLib.pipeline.settings import ReadOptions

        reader, options = load_reader(threads=1), ReadOptions(gradcam=False, volume=False)
    limits = ReadingLimits(memory_gib=ALLOWED_GIB)
    for line in sys.stdin:
        start = time.monotonic()
        try:
            case = read_ct(Path(json.loads(line)), limits=limits)
            answer = _told(case)
            if reader is not None:
                answer |= _told_whole(reader.read(case, options=options))
        except InputRefused as refusal:
            answer = {"outcome": "refused", "codes": [refusal.reason.value]}
            answer["messages"] = [refusal.message, refusal.public]
        except BaseException:
            answer = {"outcome": "fault", "codes": [], "messages": [traceback.format_exc()]}
        answer["seconds"] = round(time.monotonic() - start, 3)
        answer["peak_gib"] = _peak_gib()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
