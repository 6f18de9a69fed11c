"""The report: self-contained, honest in words, accessible, and the same numbers as result.json."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from OsteoJointLib import __version__
from OsteoJointLib.errors import Reason
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.output.report import report_html, write_report
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.summary import summarize
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.records import Level

VOID = {"meta", "img", "br", "rect", "path", "link", "input", "hr"}


class Page(HTMLParser):
    """A page's tags and words; fails on tags that don't close."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "title" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words)).strip()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def with_own_names(case: CaseResult) -> CaseResult:
    return replace(case, options=replace(case.options, own_names=True))


@pytest.fixture(scope="module")
def pages(case, oblique_case, pair_case, poor_case) -> dict[str, tuple[str, Page]]:
    cases = {
        "case": case,
        "oblique": oblique_case,
        "pair": with_own_names(pair_case),
        "poor": with_own_names(poor_case),
    }
    return {name: (html, Page(html)) for name, html in ((n, report_html(c)) for n, c in cases.items())}


KINDS = ["case", "oblique", "pair", "poor"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_tag_closes(kind, pages):
    assert pages[kind][1].open == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_loaded_from_outside_and_nothing_runs(kind, pages):
    html, page = pages[kind]
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert "url(" not in html and "@import" not in html and "http://" not in html and "https://" not in html
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
    policy = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_notice_stands_first_and_last(kind, pages):
    text = pages[kind][1].text
    assert text.startswith(RESEARCH_NOTICE)
    assert text.endswith(RESEARCH_NOTICE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_words_and_its_true_size(kind, pages):
    pictures = pages[kind][1].all("img")
    assert len(pictures) == {"case": 8, "oblique": 8, "pair": 8, "poor": 6}[kind]
    for picture in pictures:
        assert len(picture["alt"]) > 30
        encoded = base64.b64decode(picture["src"].partition(",")[2])
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (int(picture["height"]), int(picture["width"]), 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_without_eyes_finds_the_structure(kind, pages):
    _, page = pages[kind]
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1 and len(page.all("main")) == 1
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    named = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert named <= ids
    assert {head["scope"] for head in page.all("th")} == {"row", "col"}
    assert page.all("caption")


def test_class_probabilities_and_measurements_are_the_case_s_own(pages):
    text = pages["case"][1].text.replace("\u00a0", " ")
    for words in (
        *("osteopenia", "25.0 %", "62.5 %", "12.5 %", "160 HU", "weight 60.0 %", "weight 40.0 %"),
        *("80 to 120 mg/cm³", "96.0 %", "R, A, S, mm0.8, 2.8, −120.0", "STANDARD", "120 kV"),
        *("phantoms 0 to 39999", "in 2.25 s", "No calibration was given"),
    ):
        assert words in text, words


def cells(html: str, head: str) -> list[str]:
    row = re.search(rf'<th scope="row">{re.escape(head)}</th>(.*?)</tr>', html)
    return re.findall(r"<td>(.*?)</td>", row.group(1))


def test_what_neither_level_has_takes_no_row_but_hu_do(pages, case):
    html = pages["case"][0]
    assert '<th scope="row">BMD, mg/cm³</th>' not in html and '<th scope="row">Median HU</th>' in html
    none = replace(case.l1.measurement, hu_mean=None, hu_median=None, hu_sd=None)
    bare = report_html(replace(case, l1=replace(case.l1, measurement=none), l2=replace(case.l2, measurement=none)))
    assert cells(bare, "Mean HU") == ["–", "–"] and '<th scope="row">Median HU</th>' not in bare


def test_each_level_has_its_own_numbers(lopsided_case):
    html = report_html(lopsided_case)
    text = Page(html).text.replace("\u00a0", " ")
    assert cells(html, "Mean HU") == ["160", "131"] and cells(html, "BMD, mg/cm³") == ["102", "–"]
    assert cells(html, "Area of the body, mm²") == ["864", "1022"]
    assert cells(html, "Mask") == ["corrected by a user", "the network&#39;s"]
    assert "L1, trabecular160 HUweight 60.0 %" in text and "L2, trabecular131 HUweight 40.0 %" in text
    l1, l2 = re.findall(r'<div class="place L\d"><h3>(L\d)</h3>(.*?)</div>', html, re.S)
    assert l1[0] == "L1" and "0.8, 2.8, −120.0" in l1[1] and "96.0" in l1[1] and "OsteoJoint" in l1[1]
    assert l2[0] == "L2" and "−4.5, −7.2, −156.0" in l2[1] and "a user" in l2[1]
    assert "Confidence" in l1[1] and "Confidence" not in l2[1]


def test_each_level_has_its_own_pictures(lopsided_case):
    _, page = "", Page(report_html(lopsided_case))
    shown = [picture["alt"] for picture in page.all("img") if "Axial CT slice of" in picture["alt"]]
    assert [re.findall(r"of (L\d) .*\((\d+) square.*\((\d+) HU", alt) for alt in shown] == [
        [("L1", "864", "160")],
        [("L2", "1022", "131")],
    ]
    html = report_html(lopsided_case)
    assert html.index('<span class="dot L1"></span>L1') < html.index("Axial CT slice of L1")
    assert html.index("Axial CT slice of L1") < html.index('<span class="dot L2"></span>L2')
    assert html.index('<span class="dot L2"></span>L2') < html.index("Axial CT slice of L2")


def test_the_slices_of_a_pair_stand_under_their_own_headings(pages):
    text = pages["pair"][1].text
    assert "Input for L1 Read fromL1.dcm, DICOM files" in text
    assert "Input for L2 Read fromL2.dcm, DICOM files" in text
    assert "Slice from below" not in text and "Slice from below" in pages["case"][1].text


def test_doubts_stand_before_notes_which_look_like_notes(pages):
    html = pages["poor"][0]
    notes = re.findall(r'<li class="note">.*?<span class="code">(\w+)</span>', html)
    assert {"not_calibrated", "not_computed", "kvp_unknown"} <= set(notes)
    assert not {"metal", "roi_too_small"} & set(notes)
    assert html.index('<span class="code">metal<') < html.index('<span class="code">not_calibrated<')


def rules_in(html: str) -> list[str]:
    """What each rule says, as one line."""
    items = re.search(r'<ul class="rules">(.*?)</ul>', html, re.S).group(1).split("</li>")[:-1]
    return [" ".join(re.sub(r"<[^>]+>", " ", item).replace("&#39;", "'").split()) for item in items]


def test_each_known_threshold_is_named_with_its_reference(case, pages):
    qct, dxa, plain = rules_in(pages["case"][0])
    low, high = (result_document(case)["baseline"][name] for name in ("low_hu", "high_hu"))
    assert qct.startswith(
        "QCT: osteoporosis below 80, normal above 120 mg/cm³. 106 mg/cm³, the network's estimate : osteopenia. ACR "
    )
    assert dxa.startswith("HU of L1 against DXA: 110, 135, 160 HU. 160 HU : osteoporosis not excluded")
    assert dxa.endswith(
        "Pickhardt 2013, doi 10.7326/0003-4819-158-8-201304160-00003: 1867 adults, 120 kV, osteoporosis by DXA."
    )
    assert plain.startswith(f"Our plain HU rule: osteoporosis below {low:.0f}, normal from {high:.0f} HU on. 150 HU : ")
    assert plain.endswith("phantoms of mixed tube voltage and contrast and on no patient.")
    assert rules_in(pages["poor"][0])[2].startswith("Our plain HU rule. Says nothing: HU could not be measured.")


def test_the_bars_are_as_long_as_the_probabilities(pages):
    widths = re.findall(r'class="fill" style="width: ([\d.]+)%"', pages["case"][0])
    assert widths == ["25.00", "62.50", "12.50"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_s_sentences_stand_first(kind, pages, request):
    case = request.getfixturevalue("case" if kind == "case" else f"{kind}_case")
    text = pages[kind][1].text
    assert " ".join(summarize(result_document(case)).sentences) in text[: text.index("Predicted class")]


def test_a_class_has_its_color_only_where_nothing_speaks_against_it(case, pages):
    open_case = replace(case, classification=replace(case.classification, indeterminate=True))
    for html, colored in ((pages["case"][0], True), (pages["poor"][0], False), (report_html(open_case), False)):
        assert ('<p class="status osteopenia">Osteopenia</p>' in html) is colored
        assert ('<li class="osteopenia">' in html) is colored and ('<li class="plain">' in html) is not colored
    assert ">Not reliable: osteopenia</p>" in pages["poor"][0]


def test_a_class_held_back_is_no_class_no_bars_and_no_plain_rule(doubtful_case):
    page = Page(report_html(doubtful_case))
    assert ">No class</p>" in report_html(doubtful_case) and 'class="bars"' not in report_html(doubtful_case)
    rules = rules_in(report_html(doubtful_case))
    assert rules[2].startswith("Our plain HU rule. Says nothing: the levels are in doubt.")
    for word in ("not reliable", "nothing speaks against it", "weight"):
        assert word not in page.text[: page.text.index("What to know")]
    assert "they are right with 72 %" in page.text
    assert page.text.count("in doubt, to be confirmed") == 1  # L2 is a user's


def test_every_flag_is_said_in_its_sentence(poor_case, pages):
    text = pages["poor"][1].text
    for flag in poor_case.flags:
        if flag.code != Reason.CLASS_NOT_RELIABLE:
            assert flag.message in text


def test_nulls_are_dashes_never_zero(pages):
    html = pages["poor"][0]
    row = re.search(r"Mean HU</th>\s*<td>(.*?)</td>\s*<td>(.*?)</td>", html, re.S)
    assert row.groups() == ("160", "–")


def test_texts_from_outside_are_escaped_and_folders_are_left_out(pages):
    html, page = pages["poor"]
    assert "scan &lt;b&gt;.nii.gz" in html
    assert "scan <b>.nii.gz" in page.text
    assert "jane" not in html


def test_both_views_of_the_column_have_one_scale(pages):
    sagittal, coronal = pages["case"][1].all("img")[:2]
    share = 100 * int(sagittal["width"]) / int(coronal["width"])
    assert share < 100 and sagittal["style"] == f"width: {share:.1f}%" and "style" not in coronal


def test_the_header_names_the_case(case):
    html = report_html(case, case="P7 <1>")
    assert "<strong>P7 &lt;1&gt;</strong> · read 20" in html
    assert "<title>P7 &lt;1&gt; · OsteoJoint report" in html
    assert "P7\\000020\\00003c1\\00003e" in html[: html.index("</style>")]  # for the head of each printed page
    assert "<strong>series 4</strong>" in report_html(with_own_names(case))


def test_a_case_that_nobody_named_is_called_by_its_contents_and_not_by_its_files(case):
    html = report_html(case)
    assert f"<strong>CT {case.volume.source.sha256[:8]}</strong>" in html
    assert "series 4" not in html


def test_the_report_says_when_with_what_and_how_it_was_read(case):
    later = replace(case, read_at=datetime(2027, 3, 4, 5, 6, tzinfo=UTC), config=replace(case.config, recenter_px=9.5))
    text = Page(report_html(later)).text
    for words in ("read 2027-03-04 05:06 UTC", __version__, "compact (compact profile)", "b" * 64, "recenter_px = 9.5"):
        assert words in text, words
    assert "measure.erosion_mm4.0" in text and "Settingsall at their defaults" not in text
    assert "Settingsall at their defaults" in Page(report_html(case)).text


def test_every_body_in_view_has_its_own_hu(case):
    hu = case.volume.hu.copy()
    hu[22:, 20:44, 24:56] = 90  # about T12, whose center is seven slices above L1's
    named = re.findall(
        r"<small>(\w+)</small><b>(\S+)</b>", report_html(replace(case, volume=replace(case.volume, hu=hu)))
    )
    assert named == [("T12", "90"), ("L1", "160"), ("L2", "160")]


def test_every_estimate_of_bmd_lies_at_its_place_on_the_axis(case):
    html = report_html(case)
    left, width, at = map(float, re.findall(r"(?:left|width): ([\d.]+)%", html[html.index('class="range"') :])[:3])
    assert [round(value * 2.4, 1) for value in (left, left + width, at)] == [91.9, 119.1, 105.5]  # of 240 mg/cm³
    assert "106\u00a0mg/cm³</b>, 90&nbsp;%: 92 to 119" in html


def test_each_calibration_s_bmd_stands_beside_the_network_s(lopsided_case):
    measured = replace(lopsided_case.l2, measurement=lopsided_case.l1.measurement)
    html = report_html(replace(lopsided_case, l2=measured))
    names = re.findall(r'<div class="estimate"><div class="head"><span><b>(.*?)</b>', html)
    assert names == ["The calibration file", "The rods in the scan", "The network&#39;s estimate"]
    for one in lopsided_case.l1.measurement.bmd:
        assert f"{one.calibration}; mean of L1 and L2" in html
        low, high = (one.k2hpo4_mg_cm3 + sign * 1.6449 * one.se_mg_cm3 for sign in (-1, 1))
        assert f"<b>{one.k2hpo4_mg_cm3:.0f}\u00a0mg/cm³</b>, 90&nbsp;%: {low:.0f} to {high:.0f}" in html


def colors_of(html: str, scheme: str) -> dict[str, str]:
    """The page's colors by name: the dark ones stand after the light ones, and change some."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", html, re.S)
    )
    return light | dark if scheme == "dark" else light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_text_on_its_background(scheme, pages):
    # WCAG 2.2 asks for 4.5 to 1
    inks = ("ink", "soft", "normal", "osteopenia", "osteoporosis")
    named = [*((ink, "card") for ink in inks), ("ink", "page"), ("soft", "page"), ("notice-ink", "notice")]
    named += [("chip-ink", "chip"), ("picture-ink", "picture")]
    named += [("ink", f"band-{status}") for status in ("normal", "osteopenia", "osteoporosis")]
    colors = colors_of(pages["case"][0], scheme)
    pairs = [(colors[ink], colors[paper]) for ink, paper in named]

    def luminance(color: str) -> float:
        channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for ink, paper in pairs:
        low, high = sorted((luminance(ink), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)


def test_written_as_one_file_that_names_the_masks(case, tmp_path):
    write_report(case, tmp_path / "report.html", dict.fromkeys(Level, "m.seg.nrrd"))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert "m.seg.nrrd" in (tmp_path / "report.html").read_text(encoding="utf-8")
