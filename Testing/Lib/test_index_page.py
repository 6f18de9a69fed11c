"""The page of a batch: every case, nothing of theirs that runs, links that lead to them, rows that can be sorted."""

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from OsteoJointLib.batch.index_page import index_page

DONE = {"case": "case-0001", "outcome": "done", "status": "osteopenia", "reliable": "no", "flags": "metal oblique"}
DONE |= {"l1_hu_mean": "101.6", "l2_hu_mean": "", "l1_bmd_mg_cm3": "99.2"}
REFUSED = {"case": "a b", "outcome": "refused", "reason": "not_ct", "message": "<script>alert(1)</script> & an MR."}


class Cells(HTMLParser):
    """Text and attributes of a page's cells."""

    def __init__(self, page: str):
        super().__init__()
        self.rows, self.links, self.pictures, self.scripts = [], [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.links += [said["href"]] if tag == "a" else []
        self.pictures += [said["src"]] if tag == "img" else []
        self.scripts += tag == "script"

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_each_case_has_its_row_with_links_only_where_there_are_files():
    cells = Cells(index_page([DONE, REFUSED]))
    head, done, refused = cells.rows
    assert head[1:4] == ["Case", "Outcome", "Class"]
    assert done[1:8] == ["case-0001", "done", "osteopenianot reliable", "102", "", "99", ""]
    assert done[8] == "metaloblique"
    assert refused[1:4] == ["a b", "refused", ""]
    assert refused[8].startswith("not_ct<script>alert(1)</script> & an MR.")
    assert cells.links == ["batch.csv", "cases/case-0001/report.html"]
    assert cells.pictures == ["cases/case-0001/thumbnail.jpg"]


def test_what_a_case_says_never_runs():
    page = index_page([{**REFUSED, "case": '"><script>', "flags": '"><script>', "status": '"onload='}])
    assert Cells(page).scripts == 1
    assert "script-src 'sha256-" in page and "unsafe-inline'; script" in page


def test_a_note_looks_otherwise_than_a_doubt():
    page = index_page([DONE])
    assert re.findall(r'<span class="chip([^"]*)">(\w+)', page) == [(" doubt", "metal"), ("", "oblique")]


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PRESS = """
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument, seen = [];
  const cases = () => [...page.querySelectorAll("tbody tr:not([hidden])")].map(row => row.cells[1].textContent);
  const press = words => [...page.querySelectorAll("th button")].find(one => one.textContent === words).click();
  for (const words of ["HU L1", "HU L1", "Case"]) { press(words); seen.push(cases()); }
  const search = page.querySelector("input");
  search.value = "METAL done"; search.dispatchEvent(new Event("input")); seen.push(cases());
  document.body.dataset.seen = JSON.stringify(seen);
});
"""


@pytest.mark.skipif(BROWSER is None, reason="There is no Chromium here to look at the page with.")
def test_a_press_on_a_head_sorts_and_words_pick_rows(tmp_path):
    hu = {"case-2": "100.5", "case-10": "99.0", "case-1": "", "case-3": "1000"}
    rows = [{"case": case, "outcome": "done", "l1_hu_mean": cell} for case, cell in hu.items()]
    rows[1]["flags"] = "metal"
    (tmp_path / "index.html").write_text(index_page(rows), encoding="utf-8")
    (tmp_path / "all.html").write_text(f'<body><iframe src="index.html"></iframe><script>{PRESS}</script>')
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--allow-file-access-from-files", "--dump-dom", (tmp_path / "all.html").as_uri()]
    page = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    assert json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', page)[1])) == [
        ["case-10", "case-2", "case-3", "case-1"],
        ["case-3", "case-2", "case-10", "case-1"],
        ["case-1", "case-2", "case-3", "case-10"],
        ["case-10"],
    ]
