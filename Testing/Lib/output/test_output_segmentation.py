"""The segmentation, read back with SimpleITK and, where it is installed, with Slicer's own library."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.output.seg_nrrd import write_segmentation
from OsteoJointLib.output.terminology import CONTEXT_NAME, segment_color_rgb, terminology_document, terminology_entry
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.records import VERSE_LABELS, Level

TERM_FILE = Path(__file__).resolve().parents[3] / "Resources" / "Terminology" / "OsteoJoint.term.json"


def read(path):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    return image, sitk.GetArrayFromImage(image)


def expected_labels(shape_zyx) -> np.ndarray:
    """The body of the case, worked on paper: pixels 47..78 and 55..102 are voxels 24..39 and 28..51 (27.5 is half)."""
    labels = np.zeros(shape_zyx, dtype=np.uint8)
    for level, z in ((Level.L1, 16), (Level.L2, 9)):
        labels[z, 24:40, 28:52] = level.verse_label
    return labels


@pytest.mark.parametrize("name", ["case", "oblique_case"])
def test_the_file_lies_in_the_ct_s_geometry(name, request, tmp_path):
    result = request.getfixturevalue(name)
    files = write_segmentation(result, tmp_path / "m.seg.nrrd")
    assert files == dict.fromkeys(Level, tmp_path / "m.seg.nrrd")
    image, labels = read(tmp_path / "m.seg.nrrd")
    grid = result.volume.grid
    np.testing.assert_allclose(image.GetSpacing(), grid.spacing_xyz_mm)
    np.testing.assert_allclose(image.GetOrigin(), grid.origin_lps_mm)
    np.testing.assert_allclose(np.reshape(image.GetDirection(), (3, 3)), grid.direction, atol=1e-9)
    np.testing.assert_array_equal(labels, expected_labels(grid.shape_zyx))


def test_a_drawn_mask_stands_in_for_its_own_level_s(case, tmp_path):
    drawn = {Level.L2: PlacedMask(np.ones((2, 3, 4), bool), (8, 30, 40))}
    write_segmentation(case, tmp_path / "m.seg.nrrd", drawn)
    _, labels = read(tmp_path / "m.seg.nrrd")
    expected = expected_labels(labels.shape)
    expected[9] = 0
    expected[8:10, 30:33, 40:44] = 21
    np.testing.assert_array_equal(labels, expected)


def test_the_centroid_is_the_level_s_point(oblique_case, tmp_path):
    write_segmentation(oblique_case, tmp_path / "m.seg.nrrd")
    image, labels = read(tmp_path / "m.seg.nrrd")
    for reading in oblique_case.readings:
        z, y, x = np.argwhere(labels == reading.point.level.verse_label).mean(axis=0)
        point = image.TransformContinuousIndexToPhysicalPoint((x, y, z))
        np.testing.assert_allclose(point, reading.point.center_lps_mm, atol=1e-6)


def test_the_header_names_colors_and_codes_each_segment(case, tmp_path):
    write_segmentation(case, tmp_path / "m.seg.nrrd")
    image, _ = read(tmp_path / "m.seg.nrrd")
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    assert [header[f"Segment{n}_ID"] for n in (0, 1)] == ["L1", "L2"]
    assert [header[f"Segment{n}_LabelValue"] for n in (0, 1)] == ["20", "21"]
    assert [header[f"Segment{n}_Name"] for n in (0, 1)] == ["L1", "L2"]
    assert [header[f"Segment{n}_Layer"] for n in (0, 1)] == ["0", "0"]
    assert [header[f"Segment{n}_Extent"] for n in (0, 1)] == ["28 51 24 39 16 16", "28 51 24 39 9 9"]
    assert header["Segment0_Color"] != header["Segment1_Color"]
    assert f"TerminologyEntry:{terminology_entry(Level.L1)}|" in header["Segment0_Tags"]
    assert header["Segmentation_ContainedRepresentationNames"] == "Binary labelmap|"


def test_whole_bodies_and_their_neighbors_are_segments(whole_case, tmp_path):
    write_segmentation(whole_case, tmp_path / "m.seg.nrrd")
    image, labels = read(tmp_path / "m.seg.nrrd")
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    segments = [tuple(header[f"Segment{n}_{key}"] for key in ("ID", "Name", "LabelValue")) for n in range(4)]
    assert segments == [("L1", "L1", "20"), ("L2", "L2", "21"), ("T12", "T12", "19"), ("L3", "L3", "22")]
    for body in (whole_case.l1.body, whole_case.l2.body, *whole_case.neighbors):
        expected = np.zeros(labels.shape, bool)
        expected[body.part] = body.mask
        np.testing.assert_array_equal(labels == VERSE_LABELS[body.name], expected)
    np.testing.assert_array_equal(whole_case.label_map, labels)


def test_a_mask_drawn_on_the_mid_slice_alone_changes_that_slice_of_a_whole_body(whole_case, tmp_path):
    drawn = {Level.L1: PlacedMask(np.ones((1, 3, 4), bool), (16, 30, 40))}
    write_segmentation(whole_case, tmp_path / "m.seg.nrrd", drawn)
    _, labels = read(tmp_path / "m.seg.nrrd")
    expected = whole_case.label_map
    expected[16] = 0
    expected[16, 30:33, 40:44] = 20
    np.testing.assert_array_equal(labels, expected)


def test_an_empty_mask_has_slicer_s_empty_extent(case, tmp_path):
    empty = np.zeros_like(case.l2.segmentation.mask)
    case = replace(case, l2=replace(case.l2, segmentation=replace(case.l2.segmentation, mask=empty)))
    write_segmentation(case, tmp_path / "m.seg.nrrd")
    image, labels = read(tmp_path / "m.seg.nrrd")
    assert image.GetMetaData("Segment1_Extent") == "0 -1 0 -1 0 -1"
    assert set(np.unique(labels)) == {0, 20}


def test_a_pair_of_slices_gives_a_file_a_slice(pair_case, tmp_path):
    files = write_segmentation(pair_case, tmp_path / "m.seg.nrrd")
    assert {level: path.name for level, path in files.items()} == {
        Level.L1: "m.L1.seg.nrrd",
        Level.L2: "m.L2.seg.nrrd",
    }
    for level, volume in ((Level.L1, pair_case.volume.l1), (Level.L2, pair_case.volume.l2)):
        image, labels = read(files[level])
        assert set(np.unique(labels)) == {0, level.verse_label}
        np.testing.assert_allclose(image.GetOrigin(), volume.grid.origin_lps_mm)
        assert image.GetMetaData("Segment0_ID") == level.value
        assert "Segment1_ID" not in image.GetMetaDataKeys()


def test_another_suffix_is_refused(case, tmp_path):
    with pytest.raises(RunFailed, match="seg.nrrd"):
        write_segmentation(case, tmp_path / "mask.nrrd")


@pytest.mark.parametrize(
    ("level", "code"), [("T12", "23215003"), ("L1", "66794005"), ("L2", "14293000"), ("L3", "36470004")]
)
def test_the_terminology_follows_slicer_s_grammar(level, code):
    context, category, kind, modifier, regions, region, region_modifier = terminology_entry(level).split("~")
    assert context == CONTEXT_NAME
    assert category == "SCT^123037004^Anatomical Structure"
    assert kind == f"SCT^{code}^{level} vertebra"
    assert modifier == "SCT^3572006^Vertebral body"
    assert (regions, region, region_modifier) == ("Anatomic codes - DICOM master list", "^^", "^^")


def test_the_terminology_file_holds_what_the_segments_say():
    document = json.loads(TERM_FILE.read_text(encoding="utf-8"))
    assert document == terminology_document(), "write Resources/Terminology again from terminology_document()"
    (category,) = document["SegmentationCodes"]["Category"]
    assert [kind["CodeMeaning"] for kind in category["Type"]] == [f"{name} vertebra" for name in VERSE_LABELS]


def test_slicer_opens_it_with_names_colors_and_terminology(oblique_case, tmp_path):
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed here")
    files = write_segmentation(oblique_case, tmp_path / "m.seg.nrrd")
    scene = slicer.vtkMRMLScene()
    logics = [slicer.vtkSlicerSegmentationsModuleLogic(), slicer.vtkSlicerTerminologiesModuleLogic()]
    for logic in logics:
        logic.SetMRMLScene(scene)
    assert logics[1].LoadTerminologyFromFile(str(TERM_FILE)) == CONTEXT_NAME
    node, storage = slicer.vtkMRMLSegmentationNode(), slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(str(files[Level.L1]))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 2
    for index, level in enumerate(Level):
        segment = segmentation.GetNthSegment(index)
        assert segment.GetName() == level.value
        assert segment.GetLabelValue() == level.verse_label
        np.testing.assert_allclose(segment.GetColor(), np.array(segment_color_rgb(level)) / 255, atol=1e-5)
        assert segment.GetTerminology() == terminology_entry(level)
        entry = slicer.vtkSlicerTerminologyEntry()
        assert logics[1].DeserializeTerminologyEntry(segment.GetTerminology(), entry)
        assert entry.GetTypeObject().GetCodeMeaning() == f"{level} vertebra"
        assert entry.GetTypeModifierObject().GetCodeMeaning() == "Vertebral body"
