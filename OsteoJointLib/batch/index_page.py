"""``index.html`` of a batch: all cases with thumbnail, class, numbers, flags and links, to be sorted and searched.

One file without any other but the cases' own pictures and reports, which it names by relative paths; its only script
sorts and hides rows. Made by the standard library alone, as Slicer's Python makes it too.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.output.report import REPORT_FILE
from OsteoJointLib.output.thumbnail import THUMBNAIL_FILE
from OsteoJointLib.pipeline.doubts import NOTES

INDEX_FILE = "index.html"

_HEADS = (
    *(("", False), ("Case", False), ("Outcome", False), ("Class", False)),
    *(("HU L1", True), ("HU L2", True), ("BMD L1", True), ("BMD L2", True), ("Flags and reasons", False)),
)
"""Heads of the columns, and whether they hold numbers."""
_NUMBERS = ("l1_hu_mean", "l2_hu_mean", "l1_bmd_mg_cm3", "l2_bmd_mg_cm3")

_STYLE = """
:root { --ink: #17202a; --soft: #4d5967; --line: #d9dfe6; --page: #f3f5f8; --card: #fff; --notice: #fff4d6;
  --notice-ink: #4a3600; --notice-line: #e2c36b; --normal: #1c7a48; --osteopenia: #8a5a00; --osteoporosis: #b3261e;
  --chip: #e7ebf0; --doubt: #fbe3b5; --doubt-ink: #4a3600; --link: #0b57b0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf1; --soft: #a9b4c0; --line: #343d49; --page: #0d1117; --card: #161c24; --notice: #33290d;
    --notice-ink: #f4dd9e; --notice-line: #6b5617; --normal: #5fd08f; --osteopenia: #e9b44c; --osteoporosis: #ff8a80;
    --chip: #2a323d; --doubt: #574313; --doubt-ink: #f4dd9e; --link: #8ab8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.4; font-family: system-ui, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
.notice { margin: 0; padding: 10px 20px; background: var(--notice); color: var(--notice-ink);
  border-bottom: 1px solid var(--notice-line); font-size: .95rem; }
header { padding: 16px 20px; display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: center; }
h1 { font-size: 1.35rem; margin: 0; }
header p { margin: 0; color: var(--soft); }
input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 6px 10px; min-width: 16rem; }
a { color: var(--link); }
main { padding: 0 20px 24px; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); }
th, td { padding: 8px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { position: sticky; top: 0; background: var(--card); white-space: nowrap; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { display: block; width: 180px; height: auto; aspect-ratio: 16 / 9; object-fit: cover; object-position: left top;
  border-radius: 6px; background: #10141a; }
.class { font-weight: 600; } .normal { color: var(--normal); } .osteopenia { color: var(--osteopenia); }
.osteoporosis { color: var(--osteoporosis); } small { display: block; color: var(--soft); font-weight: 400; }
.chip { display: inline-block; margin: 0 4px 4px 0; padding: 1px 8px; border-radius: 9px; background: var(--chip);
  font-size: .85rem; } .doubt { background: var(--doubt); color: var(--doubt-ink); }
td.name { min-width: 8rem; overflow-wrap: anywhere; }
td p { margin: 0; max-width: 48rem; overflow-wrap: anywhere; }
"""
_SCRIPT = """
const body = document.querySelector("tbody"), rows = [...body.rows], heads = [...document.querySelectorAll("th")];
const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
  const down = head.getAttribute("aria-sort") === "ascending", sign = down ? -1 : 1;
  const number = head.classList.contains("number");
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  rows.sort((one, other) => {
    const a = value(one, column), b = value(other, column);
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (number ? a - b : a.localeCompare(b, undefined, {numeric: true}));
  });
  body.append(...rows);
}));
document.querySelector("input").addEventListener("input", event => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  rows.forEach(row => { row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word)); });
});
"""


def index_page(rows: Sequence[Mapping[str, str]]) -> str:
    """Write the page.

    Args:
        rows: of the table, see :mod:`OsteoJointLib.output.csv_rows`; a cell that is missing is empty.
    """
    counts = Counter(row.get("outcome", "") for row in rows)
    cases = f"{len(rows)} case" + ("" if len(rows) == 1 else "s")
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    heads = "".join(_head(words, number) for words, number in _HEADS)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src *; '
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'\">\n"
        '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n'
        f"<title>OsteoJoint batch: {cases} (research only)</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<p class="notice">{escape(RESEARCH_NOTICE)}</p>\n'
        f"<header><h1>{cases}</h1><p>{escape(summary)}</p>"
        '<label><input type="search" placeholder="Name, class or flag" aria-label="Search"></label>'
        '<p><a href="batch.csv">batch.csv</a></p></header>\n'
        f"<main><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{''.join(map(_row, rows))}</tbody>\n"
        "</table></main>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _head(words: str, number: bool) -> str:
    button = f'<button type="button">{words}</button>' if words else ""
    kind = ' class="number"' if number else ""
    return f'<th scope="col"{kind}>{button}</th>'


def _row(row: Mapping[str, str]) -> str:
    case, outcome, status = (row.get(name, "") for name in ("case", "outcome", "status"))
    folder = f"cases/{quote(case)}"
    name = escape(case)
    picture = ""
    if outcome == "done":
        name = f'<a href="{folder}/{REPORT_FILE}">{name}</a>'
        picture = f'<img src="{folder}/{THUMBNAIL_FILE}" loading="lazy" alt="">'
    remark = "not reliable" if row.get("reliable") == "no" else ""
    remark = remark or ("another class is possible too" if row.get("indeterminate") == "yes" else "")
    kind = f'<span class="class {escape(status)}">{escape(status)}</span>' if status else ""
    numbers = "".join(_number(row.get(column, "")) for column in _NUMBERS)
    chips = "".join(_chip(code) for code in row.get("flags", "").split())
    reason = f'<span class="chip doubt">{escape(row["reason"])}</span>' if row.get("reason") else ""
    message = f"<p>{escape(row['message'])}</p>" if row.get("message") else ""
    return (
        f'<tr><td>{picture}</td><td class="name">{name}</td><td>{escape(outcome)}</td>'
        f"<td>{kind}{f'<small>{remark}</small>' if remark else ''}</td>{numbers}"
        f"<td>{reason}{message}{chips}</td></tr>\n"
    )


def _number(cell: str) -> str:
    try:
        said = f"{float(cell):.0f}"
    except ValueError:
        said = ""
    return f'<td class="number" data-value="{escape(cell) if said else ""}">{said}</td>'


def _chip(code: str) -> str:
    return f'<span class="chip{"" if code in NOTES else " doubt"}">{escape(code)}</span>'
