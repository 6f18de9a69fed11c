"""The OsteoJoint module of 3D Slicer: what Slicer must find in this file, and nothing more.

The work is done by the library, `OsteoJointLib`; what joins it to Slicer stands in `OsteoJointLib.slicer_bridge`. This
file itself also runs where the library can't, in Slicer before 5.10 with Python 3.9, and says so there.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

if TYPE_CHECKING:
    from OsteoJointLib.slicer_bridge.reading.controller import ReadingController


def findLibrary():
    """Make OsteoJointLib importable from a checkout too: Slicer adds only this file's own folder to the path."""
    if importlib.util.find_spec("OsteoJointLib") is None:
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def tooOld():
    """Return why this Slicer can't run the module, as a sentence; empty where it can."""
    python = sys.version_info[:2]
    version = (slicer.app.majorVersion, slicer.app.minorVersion)
    if python >= (3, 11) and version >= (5, 8):
        return ""
    return _(
        "OsteoJoint needs Slicer 5.8 or newer with Python 3.11 or newer, but this is Slicer {slicer} with Python "
        "{python}. Install Slicer 5.10 or newer from download.slicer.org."
    ).format(slicer=".".join(map(str, version)), python=".".join(map(str, python)))


def registerData():
    """Add what Slicer offers outside the module: names of vertebrae, a layout, a sample CT, an entry in a CT's menu.

    Called once Slicer has started.
    """
    from OsteoJointLib.slicer_bridge.scene import layout, segment_terminology
    from OsteoJointLib.slicer_bridge.setup import OsteoJointSubjectHierarchyPlugin, sample_data

    segment_terminology.load_terminology()
    layout.register()
    sample_data.register()
    OsteoJointSubjectHierarchyPlugin.register()


def helpText():
    """Return what the module does, and where more is said."""
    from OsteoJointLib.addresses import HOME, manual

    what = _(
        "Finds L1 and L2 on a CT, segments their vertebral bodies and predicts normal, osteopenia or "
        "osteoporosis with a picture of why. For research only: not a medical device."
    )
    pages = {
        _("Ten minutes with the sample CT"): manual("manual/tutorial.md"),
        _("Manual"): manual("manual/slicer.md"),
        _("Keys"): manual("manual/slicer.md#keys"),
        _("Reason codes"): manual("reference/reasons.md"),
        _("Troubleshooting"): manual("troubleshooting.md"),
        _("Report a fault"): f"{HOME}/issues",
    }
    links = " · ".join(f'<a href="{address}">{title}</a>' for title, address in pages.items())
    return f"<p>{what}</p><p>{links}</p>"


class OsteoJoint(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        findLibrary()
        parent.title = _("OsteoJoint")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["Volumes", "Segmentations", "Markups", "Colors", "Tables", "Texts", "Terminologies"]
        parent.contributors = ["The OsteoJoint authors"]
        parent.helpText = helpText()
        parent.acknowledgementText = _(
            'The method is that of Zhang et al. 2023, <a href="https://doi.org/10.1155/2023/3018320">'
            "doi 10.1155/2023/3018320</a>. Its implementation, the phantoms and the weights are this project's own, "
            "under Apache-2.0; what others made stands in THIRD_PARTY_NOTICES.md, beside the license."
        )
        if tooOld():
            return
        from OsteoJointLib.resources import resource_path

        parent.icon = qt.QIcon(str(resource_path("Icons", "OsteoJoint.png")))
        slicer.app.connect("startupCompleted()", registerData)


class OsteoJointWidget(ScriptedLoadableModuleWidget):
    """The panel's place in Slicer's window."""

    def __init__(self, parent=None):
        self.panel = None
        self.logic: OsteoJointLogic | None = None
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        """Build the panel; called when the module is first opened, and when it is reloaded."""
        ScriptedLoadableModuleWidget.setup(self)
        if reason := tooOld():
            label = qt.QLabel(reason)
            label.setWordWrap(True)
            self.layout.addWidget(label)
            self.layout.addStretch(1)
            return
        from OsteoJointLib.slicer_bridge.panel.panel import Panel
        from OsteoJointLib.slicer_bridge.panel.shortcuts import Shortcuts
        from OsteoJointLib.slicer_bridge.panel.tour import Tour

        logic = self.logic = OsteoJointLogic()
        self.panel = Panel(self.layout, logic.reading, logic.getParameterNode)
        self.tour = Tour(self.parent)
        self.layout.insertWidget(0, self.tour.frame)
        logic.reading.changed.connect(self.followTour)
        self.followTour()
        self.shortcuts = Shortcuts(self.parent, self.panel.look_at, slicer.util.mainWindow(), self.startTour)

    def startTour(self):
        """Show the tour from where the reading stands."""
        self.tour.start()
        self.followTour()

    def followTour(self):
        """Let the tour go on with the reading."""
        if self.logic:
            self.tour.show(self.logic.reading.state)

    def read(self, volumeNode):
        """Choose a CT and press the button that reads, if that can be pressed; what is missing is said beside it."""
        if self.panel and self.logic:
            self.logic.reading.select(volumeNode)
            if not self.logic.reading.running:
                slicer.util.findChild(self.parent, "applyButton").click()

    def enter(self):
        """Let the panel and the keys know that the user opens the module."""
        if self.panel:
            self.panel.enter()
            self.shortcuts.enter()

    def exit(self):
        """Let the panel and the keys know that the user opens another module."""
        if self.panel:
            self.panel.exit()
            self.shortcuts.exit()

    def cleanup(self):
        """End everything, the worker too; called when Slicer closes and when the module is reloaded."""
        if self.panel and self.logic:
            self.shortcuts.close()
            self.logic.reading.changed.disconnect(self.followTour)
            self.panel.close()
            self.logic.close()
        self.panel = None

    def onReload(self):
        """Reload the library together with this file."""
        self.cleanup()
        for name in [name for name in sys.modules if name.split(".")[0] == "OsteoJointLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class OsteoJointLogic(ScriptedLoadableModuleLogic):
    """The module without its panel, for Slicer's Python console and for scripts.

    One CT that is in the scene, read and shown as the panel shows it::

        logic = slicer.util.getModuleLogic("OsteoJoint")
        document = logic.process(slicer.util.getNode("CT"))
        print(document["classification"]["status"], document["measurements"]["L1"]["hu_mean"])

    What you know of a CT beside its voxels; it stays with the CT in the scene::

        document = logic.process(slicer.util.getNode("CT"), leave_out="L1", leave_out_reason="fracture", kvp=100)

    All CTs that are in the scene, and all in a folder; each gets a row in ``batch.csv`` and a report::

        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        rows = logic.analyzeNodes(nodes, "/data/readings of the scene")
        rows = logic.analyzeFolder("/data/ct", "/data/readings")
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self._reading: ReadingController | None = None

    @property
    def reading(self) -> ReadingController:
        """The reading that the panel shows."""
        if self._reading is None:
            from OsteoJointLib.slicer_bridge.reading.controller import ReadingController

            self._reading = ReadingController()
        return self._reading

    def process(self, volumeNode, until="reading", **said):
        """Read a CT, wait for it, and leave levels, masks, maps and numbers in the scene.

        Args:
            volumeNode: a vtkMRMLScalarVolumeNode with a CT that shows L1 and L2.
            until: "reading", or "levels" to only find L1 and L2.
            said: what you know of the CT, as for :meth:`say`.

        Returns:
            The result as in result.json; empty after "levels".

        Raises:
            OsteoJointError: no result came; its ``reason`` is a stable code, its ``message`` a sentence.
        """
        return self.reading.run(volumeNode, until, **said)

    def say(self, volumeNode, **said):
        """Say what you know of a CT: it stays with it in the scene, and every later reading of it goes by that.

        Args:
            volumeNode: a vtkMRMLScalarVolumeNode with a CT.
            said: any of these; None takes back what was said before. ``leave_out``: "L1" or "L2", which the class is
                then made without; ``leave_out_reason``: "fracture", "cement", "focal_lesion", "metal" or "other";
                ``propose``: False to let both count whatever their HU are; ``kvp``: the tube voltage; ``kernel``:
                "soft", "standard", "sharp" or "lung"; ``contrast``: "none", "given", "arterial", "portal" or
                "excretory".

        Raises:
            OsteoJointError: that can't be said of a CT.
        """
        self.reading.say(volumeNode, **said)

    def analyzeNodes(self, nodes, folder, **options):
        """Read volumes of the scene one by one; see OsteoJointLib.slicer_bridge.batch.node_batch.analyze_nodes.

        Args:
            nodes: a volume node, a list of them, or a generator that loads one after the other.
            folder: gets ``batch.csv`` and a report for each; new, empty or an earlier batch's.
            options: ``skip_existing``, ``keep_nodes``, ``remove_inputs``, ``names``, ``on_progress``, ``settings``.

        Returns:
            The rows of ``batch.csv``; a volume that couldn't be read has its reason in its row.
        """
        from OsteoJointLib.slicer_bridge.batch.node_batch import analyze_nodes

        return analyze_nodes(nodes, folder, **{"settings": self.reading.settings, **options})

    def analyzeFolder(self, inputs, folder, **options):
        """Read all CTs in a folder; see OsteoJointLib.slicer_bridge.batch.folder_batch.analyze_folder.

        Args:
            inputs: a CT file, a DICOM folder, a folder of them, or a list of these.
            folder: gets ``batch.csv`` and a report for each; new, empty or an earlier batch's.
            options: ``skip_existing``, ``refine``, ``gradcam``, ``names``, ``facts``, ``on_progress``, ``settings``.

        Returns:
            The rows of ``batch.csv``; a CT that couldn't be read has its reason in its row.
        """
        from OsteoJointLib.slicer_bridge.batch.folder_batch import analyze_folder

        return analyze_folder(inputs, folder, **{"settings": self.reading.settings, **options})

    def close(self):
        """End the worker."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None


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
        self.assertFalse(button.enabled)
        self.assertIn("CT", button.toolTip)
        widget.deleteLater()
