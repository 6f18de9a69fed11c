"""What is kept with the scene: defaults of the library, changes told, nothing held of a closed scene."""

import pytest
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.slicer_bridge.panel.parts.panel_parameters import REFINEMENT, Parameters

from .fake_reading import add_ct


@pytest.fixture
def node(scene):
    return ScriptedLoadableModuleLogic().getParameterNode()


def test_the_level_set_starts_as_the_library_has_it(node):
    parameters = Parameters()
    parameters.attach(node)
    assert parameters.refinement() == {name: getattr(LevelSetParameters(), name) for name in REFINEMENT}
    parameters.detach()


def test_changes_are_told_until_the_scene_is_let_go(node):
    parameters, heard = Parameters(), []
    parameters.changed.connect(lambda: heard.append(parameters.node.volume))
    parameters.attach(node)
    ct = add_ct()
    parameters.node.volume = ct
    assert heard[0] is None
    assert heard[-1] is ct
    parameters.detach()
    count = len(heard)
    node.SetParameter("follow", "False")
    assert len(heard) == count
    assert parameters.node is None
    parameters.detach()


def test_a_removed_volume_is_none(node):
    parameters = Parameters()
    parameters.attach(node)
    parameters.node.volume = ct = add_ct()
    slicer.mrmlScene.RemoveNode(ct)
    assert parameters.node.volume is None
    parameters.detach()


def test_what_another_wrapper_wrote_is_read_back(node):
    first, second = Parameters(), Parameters()
    first.attach(node)
    first.node.max_shift_mm = 4.5
    first.node.explanation = True
    second.attach(node)
    assert second.node.max_shift_mm == 4.5
    assert second.node.explanation is True
    first.detach()
    second.detach()
