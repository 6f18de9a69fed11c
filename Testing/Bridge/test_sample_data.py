"""The phantom as sample data: registered where Slicer has Sample Data, made in a process of its own, loaded as a CT."""

import sys
import time

import numpy as np
import pytest
import qt
import slicer

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.slicer_bridge.process.worker_command import PYTHON_VARIABLE
from OsteoJointLib.slicer_bridge.setup import sample_data

SOURCE = """
sources = {}


class SampleDataLogic:
    @staticmethod
    def sampleDataSourcesByCategory(category=None):
        return sources

    @staticmethod
    def registerCustomSampleDataSource(category, sampleName, uris, fileNames, nodeNames, customDownloader,
                                       thumbnailFileName):
        sources.setdefault(category, []).append((sampleName, customDownloader, thumbnailFileName))
"""


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Slicer's module Sample Data, with the signature it has had since 4.13."""
    (tmp_path / "SampleData.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import SampleData

    yield SampleData
    del sys.modules["SampleData"]


@pytest.fixture
def this_python(scene, monkeypatch):
    """The tests' own Python makes the phantom; temporary files are gone afterward."""
    qt.QSettings().remove("OsteoJoint")
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)
    yield
    assert not [path for path in sample_data.Path(slicer.app.temporaryPath).iterdir() if path.name.startswith("Osteo")]


@pytest.fixture
def quickly(monkeypatch):
    """Let the child write a tiny CT instead of the phantom, which takes seconds."""
    program = """
import sys, numpy as np, SimpleITK as sitk
image = sitk.GetImageFromArray(np.full((3, 4, 5), 40, np.int16))
image.SetSpacing((1, 1, 2))
image.SetMetaData("osteojoint_kvp", "120")
image.SetMetaData("osteojoint_kernel", "ü:=standard")
sitk.WriteImage(image, sys.argv[2] + "/ct.nrrd")
"""
    monkeypatch.setattr(sample_data, "_PROGRAM", program)


def test_the_phantom_is_registered_once_with_its_picture(module):
    sample_data.register()
    sample_data.register()
    ((name, downloader, thumbnail),) = module.sources["OsteoJoint"]
    assert name == "OsteoJoint phantom"
    assert callable(downloader)
    assert sample_data.Path(thumbnail).is_file()


def test_other_extensions_samples_stay(module):
    module.sources["Other"] = ["theirs"]
    sample_data.register()
    assert module.sources["Other"] == ["theirs"]


def test_a_slicer_without_sample_data_is_left_alone():
    assert "SampleData" not in sys.modules
    sample_data.register()


def test_the_node_is_a_ct_without_ties_to_the_file(this_python, quickly):
    (node,) = sample_data.bring()
    assert node.GetName() == "OsteoJoint phantom"
    assert node.GetStorageNode() is None
    assert np.unique(slicer.util.arrayFromVolume(node)) == [40]
    assert (node.GetAttribute("osteojoint_kvp"), node.GetAttribute("osteojoint_kernel")) == ("120", "ü:=standard")
    display = node.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (700, 150)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeArchetypeStorageNode") == 0


@pytest.mark.timeout_s(180)
def test_the_phantom_is_the_demo_s_own(this_python):
    from OsteoJointLib.cli.demo import DEMO_SEED
    from OsteoJointLib.phantom.cases import make_phantom

    node = sample_data.load_phantom()
    assert np.array_equal(slicer.util.arrayFromVolume(node), make_phantom(DEMO_SEED).volume.hu)


def test_a_missing_package_is_named_with_what_to_do(this_python, monkeypatch):
    monkeypatch.setattr(sample_data, "_PROGRAM", "import cv2_that_is_not_there")
    with pytest.raises(RunFailed, match="cv2_that_is_not_there.*under Setup") as caught:
        sample_data.load_phantom()
    assert caught.value.reason == Reason.DEPENDENCY_MISSING


def test_sample_data_shows_why_nothing_came(this_python, monkeypatch):
    said = []
    monkeypatch.setattr(slicer.util, "errorDisplay", said.append)
    monkeypatch.setenv(PYTHON_VARIABLE, "/no/such/python")
    assert sample_data.bring() == []
    assert "/no/such/python" in said[0]


def test_cancel_ends_the_process_and_says_nothing(this_python, monkeypatch):
    said = []
    monkeypatch.setattr(slicer.util, "errorDisplay", said.append)
    monkeypatch.setattr(sample_data, "_PROGRAM", "import time; time.sleep(60)")
    make = slicer.util.createProgressDialog

    def cancelled_soon(**options):
        dialog = make(**options)
        qt.QTimer.singleShot(200, dialog.cancel)
        return dialog

    monkeypatch.setattr(slicer.util, "createProgressDialog", cancelled_soon)
    before = time.monotonic()
    assert sample_data.bring() == []
    assert time.monotonic() - before < 20
    assert said == []


def test_the_window_stays_alive_meanwhile(this_python, monkeypatch):
    ticks = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start(10)
    monkeypatch.setattr(sample_data, "_PROGRAM", "import time; time.sleep(0.5); raise SystemExit(3)")
    with pytest.raises(RunFailed, match="exit code 3"):
        sample_data.load_phantom()
    timer.stop()
    assert len(ticks) > 10
