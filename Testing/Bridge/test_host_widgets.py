"""The stand-ins for widgets of qMRML and CTK behave as the extension relies on."""

import ctk
import numpy as np
import pytest
import qt
import slicer


def add_volume(name="CT", kind="vtkMRMLScalarVolumeNode"):
    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


def shown(combo):
    return tuple(combo.nodeFromIndex(index) for index in range(combo.nodeCount()))


@pytest.fixture
def combo(scene):
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(scene)
    yield box
    box.setMRMLScene(None)


def test_the_first_node_is_chosen_unless_none_is_offered(combo):
    assert combo.currentNode() is None
    first = add_volume()
    add_volume()
    assert combo.currentNode() is first
    combo.setCurrentNode(None)
    combo.noneEnabled = True
    add_volume()
    assert combo.currentNode() is None


def test_a_removed_node_and_a_closed_scene_are_followed(combo):
    heard = []
    first, second = add_volume(), add_volume()
    combo.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    combo.setCurrentNode(second)
    combo.setCurrentNode(second)
    slicer.mrmlScene.RemoveNode(second)
    slicer.mrmlScene.Clear()
    assert heard == [second, first, None]
    assert combo.currentNodeID == ""


def test_children_hidden_nodes_and_attributes_are_left_out(combo):
    volume, labels = add_volume(), add_volume("Labels", "vtkMRMLLabelMapVolumeNode")
    assert shown(combo) == (volume, labels)
    combo.showChildNodeTypes = False
    assert shown(combo) == (volume,)
    hidden = add_volume("Hidden")
    hidden.SetHideFromEditors(True)
    assert shown(combo) == (volume,)
    combo.showHidden = True
    assert shown(combo) == (volume, hidden)
    combo.addAttribute("vtkMRMLScalarVolumeNode", "Wanted", "yes")
    assert shown(combo) == ()
    hidden.SetAttribute("Wanted", "yes")
    assert shown(combo) == (hidden,)


def test_a_batch_is_told_once(combo):
    heard = []
    add_volume()
    combo.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    slicer.mrmlScene.StartState(slicer.mrmlScene.BatchProcessState)
    slicer.mrmlScene.RemoveNode(combo.currentNode())
    later = add_volume()
    assert heard == []
    slicer.mrmlScene.EndState(slicer.mrmlScene.BatchProcessState)
    assert heard == [later]


def test_a_destroyed_selector_hears_nothing(host, combo):
    parent = qt.QWidget()
    other = slicer.qMRMLNodeComboBox(parent)
    other.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    other.setMRMLScene(slicer.mrmlScene)
    parent.deleteLater()
    host.app.processEvents()
    add_volume()


def test_checked_nodes_keep_the_scene_s_order(scene):
    box = slicer.qMRMLCheckableNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(scene)
    first, second, third = add_volume("1"), add_volume("2"), add_volume("3")
    box.setCheckState(third, qt.Qt.Checked)
    box.setCheckState(first, qt.Qt.Checked)
    assert box.checkedNodes() == (first, third)
    slicer.mrmlScene.RemoveNode(first)
    assert box.checkedNodes() == (third,)
    assert box.uncheckedNodes() == (second,)


def test_a_section_hides_what_was_visible():
    section = ctk.ctkCollapsibleButton("Section")
    layout = qt.QVBoxLayout(section)
    shown, hidden, heard = qt.QLabel("a"), qt.QLabel("b"), []
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.setVisible(False)
    section.show()
    section.connect("contentsCollapsed(bool)", heard.append)
    section.collapsed = True
    assert not shown.visible
    section.collapsed = False
    assert heard == [True, False]
    assert shown.visible
    assert not hidden.visible


def test_a_path_is_typed_or_chosen():
    path, heard = ctk.ctkPathLineEdit(), []
    path.filters = ctk.ctkPathLineEdit.Dirs
    path.connect("currentPathChanged(QString)", heard.append)
    path.currentPath = "/tmp"
    qt.QFileDialog.answers = ["/var"]
    path.browse()
    assert heard == ["/tmp", "/var"]
    with pytest.raises(TypeError):
        path.setCurrentPath(3)


def test_a_slider_keeps_to_its_range():
    slider, heard = ctk.ctkSliderWidget(), []
    slider.decimals = 1
    slider.minimum, slider.maximum = 0.5, 6.0
    slider.connect("valueChanged(double)", heard.append)
    slider.value = 2.25
    slider.value = 9.0
    assert heard == [pytest.approx(2.3, abs=0.06), 6.0]


def test_a_setter_that_is_no_slot_is_not_there():
    assert not hasattr(ctk.ctkSliderWidget(), "setRange")
    assert not hasattr(ctk.ctkCollapsibleButton(), "setCollapsed")
    assert hasattr(ctk.ctkSliderWidget(), "setValue")


def test_painting_overwrites_and_can_be_undone(host, scene):
    volume = slicer.util.addVolumeFromArray(np.zeros((6, 10, 12), np.int16))
    segmentation = add_volume("S", "vtkMRMLSegmentationNode")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for row, name in enumerate(("L1", "L2")):
        segmentation.GetSegmentation().AddEmptySegment(name, name)
        mask = np.zeros((6, 10, 12), np.uint8)
        mask[2, 5 * row : 5 * row + 3] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, name, volume)

    def counts():
        names = segmentation.GetSegmentation().GetSegmentIDs()
        return [int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, n, volume).sum()) for n in names]

    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLSegmentEditorNode(add_volume("E", "vtkMRMLSegmentEditorNode"))
    editor.setMRMLScene(scene)
    editor.setSourceVolumeNode(volume)
    assert ["setSourceVolumeNode" in text for text in host.errors()] == [True]
    editor.setActiveEffectByName("Paint")
    assert editor.activeEffect() is None
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setActiveEffectByName("Paint")
    assert editor.activeEffect().name == "Paint"

    stroke = np.zeros((6, 10, 12), bool)
    stroke[2, 2:7] = True
    host.paint(editor, stroke)
    assert counts() == [36, 36]  # nobody listens to the views
    editor.setupViewObservations()
    assert editor.currentSegmentID() == "L1"
    host.paint(editor, stroke)
    assert counts() == [84, 12]
    editor.undo()
    assert counts() == [36, 36]
    editor.redo()
    host.paint(editor, stroke, erase=True)
    assert counts() == [24, 12]
    editor.setCurrentSegmentID("L2")
    host.paint(editor, stroke)
    assert counts() == [24, 72]
    editor.mrmlSegmentEditorNode().SetSelectedSegmentID(None)
    host.paint(editor, stroke, erase=True)
    assert counts() == [24, 72]
    slicer.mrmlScene.RemoveNode(segmentation)
    assert editor.segmentationNode() is None
    assert editor.activeEffect() is None
