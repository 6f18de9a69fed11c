"""The PDF: one or two pages with the case's name on each, nothing fetched; refused in a sentence where it can't be."""

from __future__ import annotations

import base64
import logging
import sys
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.output.case_folder import Additions, deliver_case
from OsteoJointLib.output.drawing import png_bytes
from OsteoJointLib.output.report import report_html
from OsteoJointLib.output.report_pdf import PDF_FILE, check_pdf, pdf_of_page
from OsteoJointLib.records import Flag

pytest.importorskip("weasyprint", reason="WeasyPrint makes the PDF, and isn't installed")
pypdfium2 = pytest.importorskip("pypdfium2")
MANY = 6
"""Doubts beside a case's own that still fit on two pages."""


def pages_of(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def pictures_in(pdf: bytes) -> int:
    kinds = [item.type for page in pypdfium2.PdfDocument(pdf) for item in page.get_objects()]
    return kinds.count(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE)


@pytest.fixture(scope="module")
def crowded_case(poor_case):
    """All that can be missing is missing, and more doubts than any case has."""
    doubt = (
        "The slices are 5.0 mm apart (more than 3 mm), so endplates and cortex blur into the body. Take thinner ones."
    )
    more = tuple(Flag(Reason.THICK_SLICES, f"{number}: {doubt}") for number in range(MANY))
    return replace(poor_case, flags=(*poor_case.flags, *more))


@pytest.mark.parametrize("kind", ["case", "crowded_case", "pair_case"])
def test_one_or_two_pages_each_with_the_case_s_name(kind, request, caplog):
    with caplog.at_level(logging.WARNING, "weasyprint"):
        pages = pages_of(pdf_of_page(report_html(request.getfixturevalue(kind), case="P7 <ß> </style>")))
    assert 1 <= len(pages) <= 2
    for number, page in enumerate(pages, start=1):
        assert "P7 <ß> </style>" in page and f"{number} / {len(pages)}" in page
        assert "Research only, not a medical device" in page
    # what it does not know is how wide a screen is, and which of them is dark
    assert [r.getMessage() for r in caplog.records if "media" not in r.getMessage()] == []


def test_the_pdf_says_what_the_page_says(case, doubtful_case):
    (first, *_), (held, *_) = (pages_of(pdf_of_page(report_html(one))) for one in (case, doubtful_case))
    assert "The class is osteopenia with 62 %" in first and "62.5" in first
    assert "No class is given until a person has confirmed them" in held


def test_nothing_but_the_page_s_own_pictures_is_fetched(tmp_path):
    picture = png_bytes(np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "secret.png").write_bytes(picture)
    own = "data:image/png;base64," + base64.b64encode(picture).decode()
    for address, count in ((own, 1), ((tmp_path / "secret.png").as_uri(), 0)):
        assert pictures_in(pdf_of_page(f'<p>x<img src="{address}"></p>')) == count


def test_the_pdf_stands_beside_the_page_and_goes_with_the_result_it_is_of(chain, tmp_path):
    deliver_case(chain.result, tmp_path / "out", Additions(pdf=True, case="CT 7"))
    assert "CT 7" in pages_of((tmp_path / "out" / PDF_FILE).read_bytes())[0]
    deliver_case(chain.result, tmp_path / "out")
    assert not (tmp_path / "out" / PDF_FILE).exists()


def test_without_weasyprint_a_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(
        UsageError, match="WeasyPrint isn't installed. Install it with pip install weasyprint"
    ) as caught:
        check_pdf()
    assert caught.value.reason is Reason.DEPENDENCY_MISSING


def test_without_pango_a_sentence_says_what_to_do(monkeypatch):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(UsageError, match="needs the library Pango, which this system lacks"):
        check_pdf()
