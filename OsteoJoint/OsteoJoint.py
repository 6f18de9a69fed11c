"""The OsteoJoint module of 3D Slicer: what Slicer must find in this file, and nothing more.

The work is done by the library, `OsteoJointLib`; what joins it to Slicer stands in `OsteoJointLib.slicer_bridge`.
"""

import importlib.util
import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


def findLibrary():
    """Make OsteoJointLib importable from a checkout too: Slicer adds only this file's own folder to the path."""
    if importlib.util.find_spec("OsteoJointLib") is None:
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


class OsteoJoint(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        findLibrary()
        parent.title = _("OsteoJoint")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["Volumes", "Segmentations"]
        parent.contributors = ["The OsteoJoint authors"]
        parent.helpText = _(
            "Finds L1 and L2 on a CT, segments their vertebral bodies and predicts normal, osteopenia or "
            "osteoporosis with a picture of why. For research only: not a medical device."
        )
        parent.acknowledgementText = _(
            'The method is that of Zhang et al. 2023, <a href="https://doi.org/10.1155/2023/3018320">'
            "doi 10.1155/2023/3018320</a>."
        )
        self.setIcon(parent)

    def setIcon(self, parent):
        """Show the icon in a checkout as well, where it doesn't lie beside this file."""
        import qt

        from OsteoJointLib.resources import resource_path

        parent.icon = qt.QIcon(str(resource_path("Icons", "OsteoJoint.png")))


class OsteoJointWidget(ScriptedLoadableModuleWidget):
    """The panel's place in Slicer's window."""

    def setup(self):
        """Build the panel; called when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        from OsteoJointLib.slicer_bridge.panel import Panel

        self.logic = OsteoJointLogic()
        self.panel = Panel(self.layout, self.logic.runner)

    def cleanup(self):
        """Stop a run that is under way; called when Slicer closes or the module is reloaded."""
        if getattr(self, "panel", None):
            self.panel.close()

    def onReload(self):
        """Reload the library together with this file."""
        self.cleanup()
        for name in [name for name in sys.modules if name.split(".")[0] == "OsteoJointLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class OsteoJointLogic(ScriptedLoadableModuleLogic):
    """The module without its panel.

    From Slicer's Python console, without waiting::

        logic = slicer.util.getModuleLogic("OsteoJoint")
        logic.runner.start(volumeNode, on_done=lambda case: print(case.headline), on_failed=print)
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from OsteoJointLib.slicer_bridge.runner import Runner

        self.runner = Runner()


class OsteoJointTest(ScriptedLoadableModuleTest):
    """What "Reload and Test" runs: the module opens and its panel is ready for a volume."""

    def runTest(self):
        """Run everything."""
        slicer.mrmlScene.Clear()
        self.test_panelWaitsForAVolume()

    def test_panelWaitsForAVolume(self):
        """Open the panel in an empty scene: there is nothing to apply to."""
        widget = slicer.modules.osteojoint.createNewWidgetRepresentation()
        button = slicer.util.findChild(widget, "applyButton")
        self.assertFalse(button.property("enabled"))
