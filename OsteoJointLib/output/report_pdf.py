"""``report.pdf``: the report's page on A4 by WeasyPrint, which the extra ``pdf`` brings.

The page's own print style makes it (``report.html.j2``): the case's name and the page's number stand on every sheet.
Nothing is fetched: the page's pictures are data URIs, and every other address is refused.
"""

from __future__ import annotations

from OsteoJointLib.errors import Reason, UsageError

PDF_FILE = "report.pdf"
MOST_PAGES = 2
"""Words and numbers, then pictures."""
_FONT_PT = (8.2, 7.4, 6.6)
"""Sizes of the letters, the first that gives no more pages than that; many doubts may take a third even so. Chosen."""


def check_pdf() -> None:
    """Check that a PDF can be written here, before anything is computed.

    Raises:
        UsageError: DEPENDENCY_MISSING where WeasyPrint or a library of the system that it needs isn't there.
    """
    try:
        import weasyprint  # noqa: F401
    except ImportError as error:
        raise UsageError(
            Reason.DEPENDENCY_MISSING,
            "The PDF can't be made: WeasyPrint isn't installed. Install it with pip install weasyprint, or leave "
            "--pdf out: report.html prints to a PDF from any browser.",
        ) from error
    except OSError as error:  # Pango is loaded at import
        raise UsageError(
            Reason.DEPENDENCY_MISSING,
            "The PDF can't be made: WeasyPrint needs the library Pango, which this system lacks. Install it (Debian: "
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0), or leave --pdf out: report.html "
            "prints to a PDF from any browser.",
        ) from error


def pdf_of_page(html: str) -> bytes:
    """Turn a report's page into a PDF.

    Args:
        html: as :func:`OsteoJointLib.output.report.report_html` makes it.

    Returns:
        The PDF's bytes.

    Raises:
        UsageError: as :func:`check_pdf`.
    """
    check_pdf()
    from weasyprint import CSS, HTML
    from weasyprint.urls import URLFetcher

    page = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=["data"]))
    for size in _FONT_PT:
        document = page.render(stylesheets=[CSS(string=f"html {{ font-size: {size}pt !important }}")])
        if len(document.pages) <= MOST_PAGES:
            break
    return bytes(document.write_pdf())
