"""The section "Why": what decided, one map at a time over both levels, and the numbers of its colors."""

from __future__ import annotations

import pytest
import slicer

from OsteoJointLib.output.drawing import COLOR_STOPS
from OsteoJointLib.slicer_bridge.panel.why_section import decided
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

from .fake_reading import add_ct, document, open_panel

SCAN = {
    "form": "volume",
    "kvp": 120.0,
    "kernel": None,
    "contrast": True,
    "contrast_phase": "portal",
    "kvp_origin": "header",
    "kernel_origin": "unknown",
    "contrast_origin": "estimated",
}
"""What result.json says of the scan."""


@pytest.fixture
def opened(scene):
    add_ct()
    with open_panel() as opened:
        yield opened


def add_map(role: Role):
    """Put one of the reading's maps into the scene."""
    return OwnedNodes(slicer.util.getNode("CT")).add(role, slicer.vtkMRMLScalarVolumeNode(), role, hidden=True)


def foregrounds() -> set:
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return {(node.GetForegroundVolumeID(), round(node.GetForegroundOpacity(), 2)) for node in nodes}


def test_what_decided_is_said_in_sentences(opened):
    assert opened.ui.decidedLabel.text == "<div>No result yet.</div>"
    said = document(input=SCAN)
    opened.reading.become_read(document=said)
    assert decided(said) == [
        "L1 weighs 48 % in the class, L2 52 %.",
        "Explanation map: 38 % of the influence lies in L1, 62 % in L2.",
        "By mean HU alone: osteoporosis (98 HU; below 100 osteoporosis, at least 150 normal).",
        "The network's class, which is given, is another: it sees the whole image of both bodies, not their mean.",
        "HU depend on the scan. What is known of it: 120 kV; with portal contrast (estimated); kernel not known.",
    ]
    for sentence in decided(said):
        assert f"<div>{sentence.replace(chr(39), '&#x27;')}</div>" in opened.ui.decidedLabel.text


def test_a_class_that_is_the_plain_rule_s_too_is_told_so():
    rule = document()["baseline"] | {"status": "osteopenia"}
    assert decided(document(baseline=rule))[-2] == "The network's class, which is given, is the same."


def test_a_vertebra_left_out_weighs_nothing():
    left_out = {"left_out": "L2", "left_out_reason": "fracture", "left_out_by": "user"}
    said = decided(document(classification=document()["classification"] | left_out))
    assert said[0].startswith("L2 was left out by you")
    assert not any("weighs" in sentence for sentence in said)


def test_without_a_class_or_a_rule_nothing_is_made_up():
    held_back = document()["classification"] | {"status": None}
    assert decided(document(classification=held_back)) == ["No class is given until the levels are confirmed."]
    assert not any("mean HU" in sentence for sentence in decided(document(baseline=None)))


def test_two_slices_of_two_scans_are_both_told():
    pair = {"form": "pair", "L1": SCAN, "L2": SCAN | {"kvp": 100.0}}
    facts = decided(document(input=pair))[-1]
    assert "120 kV" in facts and "100 kV" in facts
    assert decided(document(input={"form": "pair", "L1": SCAN, "L2": SCAN}))[-1].count("120 kV") == 1


def test_maps_are_off_until_there_are_some_and_say_why(opened):
    ui = opened.ui
    assert not ui.explanationCheckBox.enabled and not ui.heatmapCheckBox.enabled
    assert "first reading" in ui.explanationCheckBox.toolTip
    none = {"method": None, "scale_max": None, "influence": {"L1": None, "L2": None}}
    opened.reading.become_read(document=document(explanation=none))
    assert not ui.explanationCheckBox.enabled and "made no explanation map" in ui.explanationCheckBox.toolTip
    assert ui.heatmapCheckBox.enabled
    opened.reading.become_read()
    assert ui.explanationCheckBox.enabled


def test_the_legend_has_numbers_and_says_of_what(opened):
    opened.reading.become_read()
    ui = opened.ui
    assert not ui.legendArea.visible
    ui.explanationCheckBox.click()
    assert ui.legendArea.visible
    assert [getattr(ui, f"legend{place}").text for place in ("Low", "Middle", "High")] == ["0", "50", "100 %"]
    assert "strongest place of both levels, which has 0.25 log-odds" in ui.scaleLabel.text
    assert "Below 20 % nothing is drawn" in ui.scaleLabel.text
    ui.heatmapCheckBox.click()
    assert "edge of the bone" in ui.scaleLabel.text and "log-odds" not in ui.scaleLabel.text
    ui.heatmapCheckBox.click()
    assert not ui.legendArea.visible


def test_one_map_is_over_the_slices_at_a_time(opened):
    heatmap, explanation = add_map("heatmap"), add_map("explanation")
    opened.reading.become_read()
    opened.ui.heatmapCheckBox.click()
    assert foregrounds() == {(heatmap.GetID(), 0.6)}
    opened.ui.heatmapOpacitySlider.setValue(25)
    assert foregrounds() == {(heatmap.GetID(), 0.25)}
    opened.ui.explanationCheckBox.click()
    assert foregrounds() == {(explanation.GetID(), 0.6)}
    assert not opened.ui.heatmapCheckBox.checked
    opened.ui.heatmapCheckBox.click()
    assert foregrounds() == {(heatmap.GetID(), 0.25)}
    opened.ui.heatmapCheckBox.click()
    assert {node for node, opacity in foregrounds()} == {None}


def test_a_map_that_is_switched_on_is_gone_to(opened):
    add_map("heatmap")
    opened.reading.become_read()
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    red.JumpSliceByCentering(0, 0, -100)
    opened.ui.heatmapCheckBox.click()
    assert red.GetSliceOffset() == pytest.approx(-17)


def test_another_foreground_is_left_alone(opened):
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET")
    slicer.util.setSliceViewerLayers(foreground=other, foregroundOpacity=0.5)
    opened.reading.become_read()
    opened.ui.heatmapCheckBox.click()  # there is no map yet
    opened.ui.heatmapCheckBox.click()
    assert foregrounds() == {(other.GetID(), 0.5)}


def test_the_legend_s_colors_are_the_report_s(opened):
    style = opened.ui.legendStrip.styleSheet
    assert style.index(f"stop: 0.000 rgb{COLOR_STOPS[0]}") < style.index(f"stop: 1.000 rgb{COLOR_STOPS[-1]}")
