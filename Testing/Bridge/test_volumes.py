"""What can be read as a CT, why the rest can't, and what the DICOM database knows of it."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.slicer_bridge.scene import volumes


def add_volume(scene, shape_kji=(4, 5, 6), kind="vtkMRMLScalarVolumeNode", dtype=np.int16):
    node = scene.AddNewNodeByClass(kind, "CT")
    slicer.util.updateVolumeFromArray(node, np.zeros(shape_kji, dtype))
    return node


def add_transform(scene, matrix, child):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.asarray(matrix, float)))
    child.SetAndObserveTransformNodeID(node.GetID())
    return node


def refusal(node) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        volumes.check(node)
    return caught.value


def test_a_ct_passes_under_transforms_that_move_turn_and_stretch(scene):
    node = add_volume(scene)
    volumes.check(node)
    angle = np.radians(20)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    inner = add_transform(scene, turn, node)
    add_transform(scene, np.diag([2.0, 2.0, 2.0, 1.0]), inner)
    volumes.check(node)


@pytest.mark.parametrize(
    ("kind", "shape", "reason", "words"),
    [
        ("vtkMRMLLabelMapVolumeNode", (4, 5, 6), Reason.NOT_CT, "label map"),
        ("vtkMRMLVectorVolumeNode", (4, 5, 6, 3), Reason.NOT_CT, "3 values"),
        ("vtkMRMLScalarVolumeNode", (1, 5, 6), Reason.SINGLE_SLICE, "single slice"),
    ],
)
def test_what_is_no_ct_is_refused(scene, kind, shape, reason, words):
    error = refusal(add_volume(scene, shape, kind))
    assert error.reason is reason
    assert words in error.message


def test_nothing_and_nothing_in_it_are_refused(scene):
    assert refusal(None).reason is Reason.NOT_CT
    assert refusal(scene.AddNewNodeByClass("vtkMRMLModelNode")).reason is Reason.NOT_CT
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert refusal(empty).reason is Reason.NOT_3D
    empty.SetAndObserveImageData(vtk.vtkImageData())
    assert refusal(empty).reason is Reason.NOT_3D


def test_a_bent_ct_is_refused_with_what_to_do(scene):
    node = add_volume(scene)
    bent = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    spline = slicer.vtkOrientedBSplineTransform()
    spline.SetGridDirectionMatrix(vtk.vtkMatrix4x4())
    bent.SetAndObserveTransformFromParent(spline)
    node.SetAndObserveTransformNodeID(bent.GetID())
    assert not bent.IsTransformToWorldLinear()
    error = refusal(node)
    assert error.reason is Reason.BAD_GEOMETRY
    assert "Harden" in error.message


@pytest.mark.parametrize("where", ["transform", "own axes"])
def test_a_sheared_ct_is_refused_and_told_why(scene, where):
    node = add_volume(scene)
    shear = np.eye(4)
    shear[1, 2] = 0.1
    if where == "transform":
        add_transform(scene, shear, node)
    else:
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(shear))
    error = refusal(node)
    assert error.reason is Reason.GANTRY_TILT
    assert "gantry tilt" in error.message


def test_a_flattened_ct_is_refused(scene):
    node = add_volume(scene)
    add_transform(scene, np.diag([1.0, 1.0, 0.0, 1.0]), node)
    assert refusal(node).reason is Reason.BAD_GEOMETRY


def test_the_stamp_changes_with_voxels_and_place(scene):
    node = add_volume(scene)
    stamps = [volumes.content_stamp(node)]
    assert volumes.content_stamp(node) == stamps[0]
    slicer.util.arrayFromVolume(node)[1, 1, 1] = 5
    slicer.util.arrayFromVolumeModified(node)
    stamps.append(volumes.content_stamp(node))
    add_transform(scene, np.diag([1.0, 1.0, 2.0, 1.0]), node)
    stamps.append(volumes.content_stamp(node))
    assert len(set(stamps)) == 3


def test_the_geometry_fingerprint_knows_place_and_size_alone(scene):
    node = add_volume(scene)
    first = volumes.geometry_fingerprint(node)
    slicer.util.arrayFromVolume(node)[:] = 7
    slicer.util.arrayFromVolumeModified(node)
    assert volumes.geometry_fingerprint(node) == first
    assert volumes.geometry_fingerprint(add_volume(scene)) == first
    assert volumes.geometry_fingerprint(add_volume(scene, (5, 5, 6))) != first
    node.SetOrigin(0.1, 0, 0)
    assert volumes.geometry_fingerprint(node) != first


class Database:
    """Slicer's DICOM database as far as it is asked: text for every tag, empty where there is none."""

    def __init__(self, isOpen=True, **values):
        self.isOpen = isOpen
        self.values = values

    def instanceValue(self, uid, tag):
        assert uid == "1.2.3"
        return self.values.get(tag.replace(",", "_"), "")


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (Database(), {}),
        (None, {}),
        (Database(isOpen=False, **{"0018_0060": "120"}), {}),
        (
            Database(**{"0018_0060": "120.0", "0018_1210": "I30f\\3", "0018_0010": "Ultravist"}),
            {"osteojoint_kvp": "120", "osteojoint_kernel": "I30f 3", "osteojoint_contrast": "yes"},
        ),
        (Database(**{"0018_0060": "many", "0018_0010": " none "}), {"osteojoint_contrast": "no"}),
        (Database(**{"0018_0060": None, "0018_1210": None, "0018_0010": None}), {}),
    ],
)
def test_the_acquisition_as_the_database_knows_it(scene, monkeypatch, database, expected):
    node = add_volume(scene)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    assert volumes.acquisition(node) == {}
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    assert volumes.acquisition(node) == expected


def test_attributes_say_it_where_the_database_does_not(scene, monkeypatch):
    node = add_volume(scene)
    node.SetAttribute("osteojoint_kvp", "many")
    assert volumes.acquisition(node) == {}
    node.SetAttribute("osteojoint_kvp", "100")
    node.SetAttribute("osteojoint_contrast", "no")
    assert volumes.acquisition(node) == {"osteojoint_kvp": "100", "osteojoint_contrast": "no"}
    monkeypatch.setattr(slicer, "dicomDatabase", Database(**{"0018_0060": "120"}), raising=False)
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    assert volumes.acquisition(node) == {"osteojoint_kvp": "120", "osteojoint_contrast": "no"}
