"""The measurements of a reading as a table of the scene, one row a level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role


def show_table(nodes: OwnedNodes, document: Mapping[str, Any]) -> None:
    """Put a result's measurements into the scene, in place of the former ones.

    Args:
        nodes: of the reading.
        document: as in result.json. A number that could not be had is NaN in the table.
    """
    node = nodes.get(Role.TABLE) or nodes.add(Role.TABLE, slicer.vtkMRMLTableNode(), _("L1 L2 measurements"))
    with slicer.util.NodeModify(node):
        node.SetLocked(False)
        node.RemoveAllColumns()
        for name, values in _columns(document).items():
            node.AddColumn(_column(name, values))
        node.SetUseColumnTitleAsColumnHeader(True)
        node.SetLocked(True)


def _columns(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for level in Level:
        for name, value in _row(document, level.value).items():
            columns.setdefault(name, []).append(value)
    return columns


def _row(document: Mapping[str, Any], level: str) -> dict[str, Any]:
    point, segmentation = document["levels"][level], document["segmentation"][level]
    measurement = document["measurements"][level]
    return {
        _("Level"): level,
        _("HU mean"): _number(measurement["hu_mean"]),
        _("HU median"): _number(measurement["hu_median"]),
        _("HU SD"): _number(measurement["hu_sd"]),
        _("Pixels measured"): measurement["voxels"],
        _("Erosion (mm)"): _number(measurement["erosion_mm"]),
        _("BMD (mg/cm³)"): _number(measurement["bmd_mg_cm3"]),
        _("Body area (mm²)"): _number(segmentation["area_mm2"]),
        _("Level confidence"): _number(point["confidence"]),
        _("Point placed by"): {"auto": _("OsteoJoint"), "user": _("user")}[point["source"]],
        _("Mask refined"): _("yes") if segmentation["refined"] else _("no"),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _column(name: str, values: list[Any]) -> vtk.vtkAbstractArray:
    kinds = {str: vtk.vtkStringArray, int: vtk.vtkIntArray, float: vtk.vtkDoubleArray}
    column = kinds[type(values[0])]()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    return column
