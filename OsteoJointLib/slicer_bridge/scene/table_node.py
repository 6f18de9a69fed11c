"""The measurements of a reading as a table of the scene, one row a level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from OsteoJointLib.output.fields import Field, LevelFacts, View, seen_in
from OsteoJointLib.output.kinds import Count, Number
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
    levels = [level.value for level in Level]
    columns: dict[str, list[Any]] = {_("Level"): levels}
    for field in seen_in(View.SCENE):
        columns[_(field.head)] = [_cell(field, document, level) for level in levels]
    return columns


def _cell(field: Field[LevelFacts], document: Mapping[str, Any], level: str) -> str | int | float:
    """Fill one cell: a number as it stands in the document, else words."""
    if isinstance(field.kind, Number):
        value = field.value(document, level)
        return math.nan if value is None else float(value)
    return field.value(document, level) if isinstance(field.kind, Count) else _(field.said(document, level))


def _column(name: str, values: list[Any]) -> vtk.vtkAbstractArray:
    kinds = {str: vtk.vtkStringArray, int: vtk.vtkIntArray, float: vtk.vtkDoubleArray}
    column = kinds[type(values[0])]()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    return column
