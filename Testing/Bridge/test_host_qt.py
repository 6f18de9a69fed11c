"""The test host's Qt is as strict as PythonQt, so that code that is wrong in Slicer fails in these tests too."""

import pytest
import qt


def test_a_getter_of_a_property_is_no_method(scene):
    label = qt.QLabel("a")
    assert label.text == "a"
    with pytest.raises(TypeError):
        label.text()
    label.text = "b"
    assert label.text == "b"
