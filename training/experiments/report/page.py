"""Puts the sections together: one HTML file with everything in it, and the same words and tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from training.experiments.report.blocks import Section, as_html, markdown
from training.experiments.report.results import Results, read_results
from training.experiments.report.sections import all_sections

TITLE = "Zhang et al. 2023, tried again on phantoms"
_LEAD = (
    "Every table and figure of “End to End Multitask Joint Learning Model for Osteoporosis Classification in CT "
    "Images”, made anew in the smallest size that is still honest, beside what the paper prints. The patients are "
    "synthetic, so this tells how the method behaves where everything is known, and nothing about how well it reads "
    "patients."
)


def make_report(results: Path, html: Path, beside: Path | None = None) -> None:
    """Write the report.

    Args:
        results: folder of rows, as sweep, ablate, baselines, crossval and evaluate --pairs wrote them; what is missing
            is said in the page.
        html: where the page goes.
        beside: where the Markdown goes; None for none.
    """
    read = read_results(results)
    sections = all_sections(read)
    write_text_whole(html, page(sections, read))
    if beside is not None:
        write_text_whole(beside, markdown(TITLE, _LEAD, sections))


def page(sections: Sequence[Section], results: Results) -> str:
    """Write the whole page."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    links = "".join(f'<a href="#{section.anchor}">{escape(section.title)}</a>' for section in sections)
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in results.facts)
    body = "".join(
        f'<section id="{section.anchor}"><h2>{escape(section.title)}</h2>'
        + "".join(as_html(block) for block in section.blocks)
        + "</section>"
        for section in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(TITLE)}</title><style>{style}</style></head><body>"
        f'<div class="page"><nav><b>Contents</b>{links}</nav><main>'
        f'<header><p class="kicker">OsteoJoint · report of the experiments</p><h1>{escape(TITLE)}</h1>'
        f'<p class="lead">{escape(_LEAD)}</p><ul class="facts">{facts}</ul></header>{body}'
        "<footer>Zhang K. et al., International Journal of Intelligent Systems 2023. Research only: nothing here was "
        "measured on patients. Made by <code>python -m training report</code>.</footer></main></div></body></html>\n"
    )
