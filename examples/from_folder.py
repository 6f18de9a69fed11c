"""Read every CT in a folder with one reader and print a line each: ``python examples/from_folder.py /data/cts``.

``osteojoint batch`` does more: several side by side, one table, and it goes on where it stopped.
"""

import sys
from pathlib import Path

from OsteoJointLib import OsteoJointError, load_reader, read_ct

reader = load_reader()
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        result = reader.read(read_ct(path))
    except OsteoJointError as error:
        print(f"{path.name}: {error.message} [{error.reason}]")
    else:
        print(f"{path.name}: {result}")
