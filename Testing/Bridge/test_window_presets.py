"""The gray-level window: two presets, and bone at first where nobody has chosen one."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from example_readings import AXIAL, add_volume, placed, save_and_load

from OsteoJointLib.slicer_bridge.scene import window_presets
from OsteoJointLib.slicer_bridge.scene.slice_views import show_volume

from .fake_reading import open_panel

BONE, SOFT_TISSUE = (1800.0, 400.0), (400.0, 40.0)
"""Width and level."""


def add_ct(name: str = "CT"):
    hu = np.full((12, 40, 40), 40, np.int16)
    hu[:, :20] = 1200
    return add_volume(hu, placed(AXIAL, (1, 1, 2), (20, 20, 0)), name=name)


def window(volume) -> tuple[float, float]:
    display = volume.GetDisplayNode()
    return display.GetWindow(), display.GetLevel()


@pytest.fixture
def from_dicom(scene):
    """A CT as Slicer's DICOM reader leaves it: in its header's first window."""
    ct = add_ct()
    display = ct.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    for width, center in ((350, 50), (2000, 500)):
        display.AddWindowLevelPreset(width, center)
    display.SetWindowLevelFromPreset(0)
    return ct


def test_two_buttons_set_the_window_of_all_views(scene, host):
    ct = add_ct()
    with open_panel() as opened:
        show_volume(ct)
        for button, expected, bone_gray in (
            (opened.ui.softTissueButton, SOFT_TISSUE, 255),
            (opened.ui.boneButton, BONE, round((1200 + 500) / 1800 * 255)),
        ):
            button.click()
            assert window(ct) == expected
            for name in ("Red", "Yellow", "Green"):
                gray = host.views.render_slice(name, (60, 60)).max(axis=-1)
                near = np.bincount(gray.ravel(), minlength=256)[bone_gray - 2 : bone_gray + 3].sum()
                assert near >= 20, (name, bone_gray)  # what is written over a slice may be brighter
        assert "W 1800 L 400" in opened.ui.boneButton.toolTip


def test_without_a_ct_the_buttons_say_so(scene):
    with open_panel() as opened:
        assert not opened.ui.boneButton.enabled and not opened.ui.softTissueButton.enabled
        assert "No CT" in opened.ui.boneButton.toolTip


def test_a_ct_that_slicer_windowed_itself_opens_in_bone(scene):
    ct = add_ct()
    with open_panel():
        assert window(ct) == BONE
        other = add_ct("other")
    with open_panel() as opened:
        assert window(other) != BONE  # not the chosen one
        opened.panel.parameters.node.volume = other
        assert window(other) == BONE


@pytest.mark.parametrize("preset", [0, 1])
def test_a_window_of_the_header_is_nobody_s_choice(from_dicom, preset):
    from_dicom.GetDisplayNode().SetWindowLevelFromPreset(preset)
    with open_panel():
        assert window(from_dicom) == BONE


def test_a_user_s_own_window_stays(from_dicom):
    from_dicom.GetDisplayNode().SetWindowLevel(700, 150)
    with open_panel():
        assert window(from_dicom) == (700, 150)


def test_what_a_user_sets_later_stays_even_where_it_is_the_header_s(from_dicom, tmp_path):
    other = add_ct("other")
    with open_panel() as opened:
        opened.panel.parameters.node.volume = from_dicom
        from_dicom.GetDisplayNode().SetWindowLevelFromPreset(0)
        opened.panel.parameters.node.volume = other
        opened.panel.parameters.node.volume = from_dicom
        assert window(from_dicom) == (350, 50)
    save_and_load(tmp_path)
    again = slicer.util.getNode("CT")
    with open_panel() as opened:
        opened.panel.parameters.node.volume = again
        assert window(again) == (350, 50)


def test_a_ct_that_is_not_displayed_has_no_window(scene):
    ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    window_presets.open_in_bone(ct)
    window_presets.set_window(ct, window_presets.BONE)
