"""What the panel keeps with the scene: the chosen CT and how its reading is shown and refined.

The reading itself lies in nodes of its own, which belong to their CT. What belongs to the computer and not to the
scene, such as the device, is kept in Slicer's settings.
"""

from types import SimpleNamespace
from typing import Annotated, Any

import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.slicer_bridge.panel.parts.bound_widgets import BoundWidgets
from OsteoJointLib.slicer_bridge.signal import Signal

REFINEMENT = ("max_shift_mm", "length_weight", "area_weight")
"""The fields of LevelSetParameters that the panel offers; the parameters below bear the same names."""
PERCENT = WithinRange(0, 100)
# around the defaults of LevelSetParameters: what lies outside moves a mask out of its body (chosen)
MAX_SHIFT_MM = WithinRange(0.5, 6.0)
LENGTH_WEIGHT = WithinRange(0.0, 12.0)
AREA_WEIGHT = WithinRange(-1.0, 1.0)
RANGES = {
    "heatmap_opacity": PERCENT,
    "explanation_opacity": PERCENT,
    "max_shift_mm": MAX_SHIFT_MM,
    "length_weight": LENGTH_WEIGHT,
    "area_weight": AREA_WEIGHT,
}
"""What each number may be, for the node and for its widget."""


@parameterNodeWrapper
class OsteoJointParameterNode:
    """The module's parameter node; ``volume`` is None until a CT is chosen."""

    volume: vtkMRMLScalarVolumeNode
    follow: bool = True
    heatmap: bool = False
    heatmap_opacity: Annotated[int, PERCENT] = 60
    explanation: bool = False
    explanation_opacity: Annotated[int, PERCENT] = 60
    surface: bool = False
    max_shift_mm: Annotated[float, MAX_SHIFT_MM] = LevelSetParameters.max_shift_mm
    length_weight: Annotated[float, LENGTH_WEIGHT] = LevelSetParameters.length_weight
    area_weight: Annotated[float, AREA_WEIGHT] = LevelSetParameters.area_weight


class Parameters:
    """The parameters of the scene that is open, under one object that outlives scenes.

    ``node`` is the :class:`OsteoJointParameterNode`, None while there is no scene; ``changed`` has no arguments.
    """

    def __init__(self) -> None:
        self.changed = Signal()
        self.node: Any = None
        self._widgets: BoundWidgets | None = None
        self._observer: Any = None

    def bind(self, ui: SimpleNamespace) -> None:
        """Keep in step the widgets of a panel that have a ``SlicerParameterName``; ``ui`` has them as attributes."""
        self._widgets = BoundWidgets(ui, RANGES)

    def attach(self, node: Any) -> None:
        """Take the parameters of a scene, from the vtkMRMLScriptedModuleNode that holds them."""
        self.detach()
        self.node = OsteoJointParameterNode(node)  # type: ignore[call-arg] # the wrapper writes the constructor
        if self._widgets is not None:
            self._widgets.take(self.node)
        self._observer = self.node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._modified)
        self.changed.emit()

    def detach(self) -> None:
        """Let go of the parameter node: the scene is being closed, or the panel."""
        if self.node is not None:
            if self._widgets is not None:
                self._widgets.take(None)
            self.node.RemoveObserver(self._observer)
            self.node = None

    def refinement(self) -> dict[str, float]:
        """Give the parameters of the level set by their names in LevelSetParameters."""
        return {name: float(getattr(self.node, name)) for name in REFINEMENT}

    def _modified(self, caller: Any = None, event: Any = None) -> None:
        if self._widgets is not None:
            self._widgets.show()
        self.changed.emit()
