"""Tables as datasets have them: comma or semicolon, maybe with a byte-order mark."""

from __future__ import annotations

import csv
from pathlib import Path

from OsteoJointLib.errors import InputRefused, Reason


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a table with a head; names and values lose the blanks about them.

    Raises:
        InputRefused: it can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"The table {path} can't be read as UTF-8 text. Download it again."
        ) from error
    lines = text.splitlines()
    head = lines[0] if lines else ""
    rows = csv.DictReader(lines, delimiter=";" if head.count(";") > head.count(",") else ",")
    return [{(name or "").strip(): (value or "").strip() for name, value in row.items() if name} for row in rows]
