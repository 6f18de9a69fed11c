"""The test host's Qt is as strict as PythonQt, so that code that is wrong in Slicer fails in these tests too."""

import ast
from pathlib import Path

import ctk
import numpy as np
import pytest
import qt
import slicer

REPOSITORY = Path(__file__).resolve().parents[2]
UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Form</class><widget class="qMRMLWidget" name="Form"><layout class="QVBoxLayout">
<item><widget class="qMRMLNodeComboBox" name="joined"><property name="nodeTypes"><stringlist>
<string>vtkMRMLTextNode</string></stringlist></property></widget></item>
<item><widget class="qMRMLNodeComboBox" name="left"/></item>
<item><widget class="ctkPathLineEdit" name="path"><property name="filters">
<set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable</set></property>
<property name="SlicerParameterName" stdset="0"><string>folder</string></property></widget></item>
<item><widget class="QCheckBox" name="box"/></item></layout></widget>
<connections>
<connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>joined</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
<connection><sender>box</sender><signal>toggled(bool)</signal>
<receiver>path</receiver><slot>setEnabled(bool)</slot></connection>
</connections></ui>"""


def test_a_property_is_an_attribute_and_no_method():
    label = qt.QLabel("a")
    label.text = "b"
    assert label.text == "b"
    assert label.enabled
    with pytest.raises(TypeError, match="not callable"):
        label.text()
    with pytest.raises(AttributeError, match=r"w\.enabled"):
        label.isEnabled()
    label.name = "here"
    assert label.objectName == "here"


def test_no_new_attribute_and_no_wrong_type():
    label = qt.QLabel()
    with pytest.raises(AttributeError, match="no property of QLabel"):
        label.txt = "b"
    with pytest.raises(TypeError):
        label.text = 3
    with pytest.raises(AttributeError, match="ctkCollapsibleButton"):
        ctk.ctkCollapsibleButton().colapsed = True


def test_numpy_scalars_are_refused_where_they_are_no_python_numbers():
    box = qt.QDoubleSpinBox()
    box.value = np.float64(2.5)
    assert box.value == 2.5
    for wrong in (np.int64(2), np.float32(2), np.bool_(True)):
        with pytest.raises(TypeError, match="PythonQt converts no"):
            box.setValue(wrong)
        with pytest.raises(TypeError, match="PythonQt converts no"):
            box.value = wrong


def test_a_slot_gets_as_many_arguments_as_it_names():
    button, heard = qt.QPushButton(), []
    button.connect("clicked(bool)", lambda: heard.append("none"))
    button.connect("clicked(bool)", lambda name="x": heard.append(name))
    button.connect("clicked()", lambda *all_of_them: heard.append(all_of_them))
    button.clicked.connect(lambda checked: heard.append(checked))
    button.click()
    assert heard == ["none", False, (), False]


def test_a_bound_method_is_held_and_can_be_disconnected():
    class Listener:
        def __init__(self):
            self.heard = 0

        def hear(self, value=0):
            self.heard += value

    box, listener = qt.QSpinBox(), Listener()
    box.connect("valueChanged(int)", listener.hear)
    box.value = 2
    assert box.disconnect("valueChanged(int)", listener.hear)
    assert not box.disconnect("valueChanged(int)", listener.hear)
    box.value = 5
    assert listener.heard == 2


@pytest.mark.parametrize("signal", ["valueChanged", "valueChanged(double)", "vanished()"])
def test_an_unknown_signal_is_refused(signal):
    with pytest.raises(ValueError, match="QSpinBox has no signal"):
        qt.QSpinBox().connect(signal, print)


def test_emit_is_a_call():
    button, heard = qt.QPushButton(), []
    button.clicked.connect(heard.append)
    button.clicked(True)
    assert heard == [True]
    with pytest.raises(AttributeError):
        button.clicked.emit(True)


def test_what_a_slot_or_timer_raises_is_found(host):
    def break_it():
        raise RuntimeError("broken")

    button = qt.QPushButton()
    button.connect("clicked()", break_it)
    button.click()
    qt.QTimer.singleShot(0, break_it)
    host.app.processEvents()
    tag = slicer.mrmlScene.AddObserver("UserEvent", lambda caller, event: break_it())
    slicer.mrmlScene.InvokeEvent("UserEvent")
    slicer.mrmlScene.RemoveObserver(tag)
    found = host.errors()
    assert len(found) == 3
    assert all("RuntimeError: broken" in text for text in found)


def test_settings_come_back_as_after_a_restart():
    settings = qt.QSettings()
    for key, value in {"flag": True, "number": 3, "one": ["a"], "two": ["a", "b"]}.items():
        settings.setValue(f"Test/{key}", value)
    assert settings.value("Test/flag") == "true"
    assert settings.value("Test/number") == "3"
    assert settings.value("Test/one") == "a"
    assert settings.value("Test/two") == ("a", "b")
    assert slicer.util.settingsValue("Test/flag", False, converter=slicer.util.toBool) is True
    settings.remove("Test")
    assert not settings.contains("Test/flag")


def test_a_file_dialog_gives_a_string_and_never_opens():
    with pytest.raises(AssertionError, match="answers is empty"):
        qt.QFileDialog.getExistingDirectory(None, "Choose")
    qt.QFileDialog.answers = ["/tmp"]
    assert qt.QFileDialog.getExistingDirectory(None, "Choose") == "/tmp"


def test_a_form_joins_only_what_it_connects(scene, tmp_path):
    (tmp_path / "form.ui").write_text(UI, encoding="utf-8")
    form = slicer.util.loadUI(str(tmp_path / "form.ui"))
    ui = slicer.util.childWidgetVariables(form)
    form.setMRMLScene(scene)
    assert ui.joined.mrmlScene() is scene
    assert ui.left.mrmlScene() is None
    assert ui.joined.nodeTypes == ("vtkMRMLTextNode",)
    assert ui.path.filters == ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable
    assert ui.path.property("SlicerParameterName") == "folder"
    ui.box.setChecked(True)
    ui.box.setChecked(False)
    assert not ui.path.enabled


def test_a_form_with_an_unknown_widget_is_an_error(host, tmp_path):
    text = UI.replace("ctkPathLineEdit", "ctkRangeWidget")
    (tmp_path / "form.ui").write_text(text.replace("<set>ctkRangeWidget::Dirs|ctkRangeWidget::Writable</set>", ""))
    slicer.util.loadUI(str(tmp_path / "form.ui"))
    assert any("no stand-in for ctkRangeWidget" in text for text in host.errors())


def test_the_extension_writes_what_pythonqt_reads_and_pyside_does_not_mind():
    """Enumerations without their type's name (``qt.Qt.AlignLeft``), and no keyword arguments to Qt."""
    found = []
    files = [
        REPOSITORY / "OsteoJoint" / "OsteoJoint.py",
        *(REPOSITORY / "OsteoJointLib").rglob("slicer_bridge/**/*.py"),
    ]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Call) else ""
            scoped = isinstance(node, ast.Attribute) and text.startswith("qt.") and text.count(".") > 2
            if scoped and "(" not in text:
                found.append(f"{path.name} line {node.lineno}: {text}")
            if isinstance(node, ast.Call) and text.startswith("qt.") and node.keywords:
                found.append(f"{path.name} line {node.lineno}: {text}")
    assert found == []
