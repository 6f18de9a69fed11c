"""The report: self-contained, honest in words, accessible, and the same numbers as result.json."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.output.report import report_html, write_report
from OsteoJointLib.pipeline.baseline import Thresholds
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


@pytest.fixture(scope="module")
def pages(case, oblique_case, pair_case, poor_case) -> dict[str, tuple[str, Page]]:
    cases = {"case": case, "oblique": oblique_case, "pair": pair_case, "poor": poor_case}
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
        *("phantoms 0 to 39999", "total 2.25 s", "No calibration was given"),
    ):
        assert words in text, words


def cells(html: str, head: str) -> list[str]:
    row = re.search(rf'<th scope="row">{re.escape(head)}</th>(.*?)</tr>', html)
    return re.findall(r"<td>(.*?)</td>", row.group(1))


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
    assert "Input for L1 FilesL1.dcm (dicom)" in text and "Input for L2 FilesL2.dcm (dicom)" in text
    assert "Slice from below" not in text and "Slice from below" in pages["case"][1].text


def test_doubts_stand_before_notes_which_look_like_notes(pages):
    html = pages["poor"][0]
    notes = re.findall(r'<li class="note">.*?<span class="code">(\w+)</span>', html)
    assert notes == ["not_calibrated", "not_computed", "not_computed"]
    assert html.index('<span class="code">metal<') < html.index('<span class="code">not_calibrated<')


def test_the_plain_rule_stands_beside_the_class(pages):
    text = pages["case"][1].text.replace("\u00a0", " ")
    rule = Thresholds.load()
    low, high = (f"{round(hu, 2):.0f}" for hu in (rule.low_hu, rule.high_hu))  # as result.json holds them
    numbers = f"(mean 160 HU; below {low} osteoporosis, at least {high} normal)"
    assert f"Plain HU rule: osteopenia {numbers}: mean trabecular HU of L1 and L2 against two thresholds" in text
    assert f"fitted on {rule.n} phantoms of mixed tube voltage and contrast and on no patient." in text
    assert "The plain HU rule says nothing" in pages["poor"][1].text


def test_the_bars_are_as_long_as_the_probabilities(pages):
    widths = re.findall(r'class="fill" style="width: ([\d.]+)%"', pages["case"][0])
    assert widths == ["25.00", "62.50", "12.50"]


def test_an_unreliable_class_says_so_in_words_beside_the_class(pages):
    assert "not reliable" not in pages["case"][1].text
    text = pages["poor"][1].text
    said = text.index("This class is not reliable.")
    assert said < text.index("What to know before using this")
    assert "The reconstruction kernel is not known." in text


def test_a_class_held_back_is_no_class_and_no_plain_rule(doubtful_case):
    page = Page(report_html(doubtful_case))
    assert "No class The levels are in doubt, so no class is given." in page.text
    for word in ("Stands for a volumetric BMD", "Plain HU rule", "not reliable", "No doubt was raised"):
        assert word not in page.text
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


def test_the_header_names_the_case(case):
    html = report_html(case, case="P7 <1>")
    assert "<strong>P7 &lt;1&gt;</strong> · OsteoJoint" in html
    assert "<title>P7 &lt;1&gt; · OsteoJoint report" in html
    assert "<strong>P7" not in report_html(case)


def test_contrast_of_text_on_its_background():
    # WCAG 2.2 asks for 4.5 to 1; pairs of ink and paper in report.html.j2
    pairs = [("#17202a", "#ffffff"), ("#4d5967", "#f3f5f8"), ("#1c7a48", "#ffffff"), ("#946200", "#ffffff")]
    pairs += [("#b3261e", "#ffffff"), ("#4a3600", "#fff4d6"), ("#e8edf2", "#10141a")]

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
