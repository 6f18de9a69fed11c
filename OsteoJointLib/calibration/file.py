"""A calibration file: the line from HU to BMD of one scanner at one tube voltage, as JSON.

``{"format": "osteojoint.calibration/1", "name": …, "standard": "K2HPO4" or "HA", "kvp": …, "date": "YYYY-MM-DD",
"slope_mg_cm3_per_hu": …, "intercept_mg_cm3": …}``, made by ``osteojoint calibrate`` or by hand. It is checked strictly,
and used only on scans whose tube voltage is known to be the same.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.calibration.errors_of_bmd import Scan, told
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.records import BoneStandard, CalibratedBmd, CalibrationKind
from OsteoJointLib.typed_json import from_json, to_json

FILE_FORMAT = "osteojoint.calibration/1"

_SLOPE, _INTERCEPT_MG_CM3, _KVP = (0.3, 1.5), (-150.0, 150.0), (60.0, 150.0)
"""mg/cm3 per HU: K2HPO4 has .56 at 80 and .80 at 140 kVp, HA up to .99; half of the least, and half more than the most.
The intercept and the voltage are chosen."""
_LONGEST_NAME = 80
_SAME_KVP = 1.0
"""Tube voltages that differ by less are one: headers round."""
_OTHER_DAY_SHARE = 0.08
"""What a calibration of another day and another patient is off, as a share of BMD: root mean square against QCT in
46 patients (Kaesmacher 2017, doi 10.1097/RCT.0000000000000518)."""


@dataclass(frozen=True)
class CalibrationFile:
    """The line from HU to BMD.

    Args:
        name: what it is called wherever its BMD stand; no patient's name.
        standard: what it was made with.
        kvp: tube voltage in kV.
        date: when the standard was scanned, YYYY-MM-DD.
        slope_mg_cm3_per_hu: of the line.
        intercept_mg_cm3: BMD at 0 HU.
        residual_sd_mg_cm3: scatter of the standard's rods about the line; 0 where it isn't known.
    """

    name: str
    standard: BoneStandard
    kvp: float
    date: str
    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    residual_sd_mg_cm3: float = 0.0

    def __post_init__(self) -> None:
        """Check that it can be a calibration.

        Raises:
            ValueError: a value is out of its range.
        """
        if not 0 < len(self.name.strip()) <= _LONGEST_NAME:
            raise ValueError(f"its name must have 1 to {_LONGEST_NAME} characters")
        for name, (low, high) in (
            ("kvp", _KVP),
            ("slope_mg_cm3_per_hu", _SLOPE),
            ("intercept_mg_cm3", _INTERCEPT_MG_CM3),
            ("residual_sd_mg_cm3", (0.0, _INTERCEPT_MG_CM3[1])),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} is {value:g}, and it must lie between {low:g} and {high:g}")
        if date.fromisoformat(self.date) > date.today():
            raise ValueError(f"its date, {self.date}, lies in the future")

    def why_not(self, scan: Scan) -> str:
        """Say in a sentence why it can't be used on a scan; empty where it can."""
        if scan.kvp is None:
            return (
                f"The calibration {self.name} is for {self.kvp:g} kV, and the tube voltage of this scan isn't known, "
                "so it was not used. Say the voltage."
            )
        if abs(scan.kvp - self.kvp) >= _SAME_KVP:
            return (
                f"The calibration {self.name} is for {self.kvp:g} kV, and this scan was made at {scan.kvp:g} kV, so it "
                f"was not used. Give one made at {scan.kvp:g} kV."
            )
        return ""

    def bmd(self, hu: float, scan: Scan) -> CalibratedBmd:
        """Turn the mean HU of a region into BMD."""
        mg_cm3 = self.slope_mg_cm3_per_hu * hu + self.intercept_mg_cm3
        own = math.hypot(self.residual_sd_mg_cm3, _OTHER_DAY_SHARE * mg_cm3)
        name = f"{self.name} ({self.kvp:g} kV, {self.date})"
        return told(name, CalibrationKind.FILE, self.standard, mg_cm3, own, self.slope_mg_cm3_per_hu, scan)

    def save(self, path: Path) -> None:
        """Write it, whole."""
        write_text_whole(path, json.dumps({"format": FILE_FORMAT, **to_json(self)}, indent=2) + "\n")


def read_calibration(path: Path) -> CalibrationFile:
    """Read a calibration file.

    Args:
        path: of the JSON.

    Raises:
        UsageError: it can't be read, or it is no calibration; the sentence says why.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The calibration file {path} can't be opened ({error.strerror}). Check its name."
        raise UsageError(Reason.USAGE, message) from error
    except ValueError as error:
        raise UsageError(Reason.USAGE, f"The calibration file {Path(path).name} is no JSON: {error}.") from error
    try:
        if not isinstance(document, dict) or document.get("format") != FILE_FORMAT:
            raise ValueError(f'it must be an object with "format": "{FILE_FORMAT}"')
        known = {"format", *(field.name for field in fields(CalibrationFile))}
        if unknown := sorted(set(document) - known):
            raise ValueError(f"it has {', '.join(unknown)}, which no calibration has")
        return from_json(CalibrationFile, document)
    except ValueError as error:
        words = str(error).rstrip(".")
        message = f"The calibration file {Path(path).name} can't be used: {words}. Correct it."
        raise UsageError(Reason.USAGE, message) from None
