"""Read a CT from a file or a DICOM folder: ``python examples/from_path.py path/to/ct out/ct``."""

import sys
from pathlib import Path

from OsteoJointLib import deliver_case, load_reader, read_ct

source, out = Path(sys.argv[1]), Path(sys.argv[2])

result = load_reader().read(read_ct(source))

print(result)
for flag in result.flags:
    print(f"{flag.code}: {flag.message}")
for file in deliver_case(result, out):
    print(file)
