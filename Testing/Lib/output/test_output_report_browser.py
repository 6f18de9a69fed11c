"""The page in a real browser, on a phone and a screen, light and dark: no error on its console, nothing too wide."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

from OsteoJointLib.output.report import report_html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="There is no Chromium here to look at the page with.")
KINDS = ("case", "pair_case", "poor_case", "doubtful_case")
WIDTHS_PX = (390, 1400)

LOOK = """
const look = frame => {
  const page = frame.contentDocument, root = page.documentElement;
  const style = node => frame.contentWindow.getComputedStyle(node), triple = page.querySelector(".triple");
  page.querySelectorAll("details").forEach(part => part.open = true);
  const wide = node => node.getBoundingClientRect().right > root.clientWidth + 1;
  return {
    name: frame.name,
    width: root.clientWidth,
    scrolls: root.scrollWidth > root.clientWidth,
    wide: [...page.body.querySelectorAll("*")].filter(wide).map(node => node.outerHTML.slice(0, 80)),
    pictures: page.images.length,
    broken: [...page.images].filter(one => !one.naturalWidth).length,
    paper: style(page.body).backgroundColor,
    ink: style(page.body).color,
    columns: triple && style(triple).gridTemplateColumns.split(" ").length,
  };
};
addEventListener("load", () => {
  document.body.dataset.found = JSON.stringify([...document.querySelectorAll("iframe")].map(look));
});
"""
"""What stands in each frame; the pages themselves are loaded as they are."""

FAULTY = """<!DOCTYPE html>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<body><div style="width: 3000px">x</div><script>let ran = 1</script></body>"""
"""A page with an error on its console and an overflow: what is looked for can be seen."""


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request, tmp_path_factory) -> tuple[str, dict[str, dict], list[str]]:
    """The scheme, what was found in each page's frame, and the lines of the console."""
    folder = tmp_path_factory.mktemp(request.param)
    pages = {kind: report_html(request.getfixturevalue(kind), case="a case with a long name " * 6) for kind in KINDS}
    frames = []
    for name, page in {**pages, "faulty": FAULTY}.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
        frames += [
            f'<iframe name="{name} {width}" src="{name}.html" style="border: 0; width: {width}px"></iframe>'
            for width in WIDTHS_PX
        ]
    (folder / "all.html").write_text(
        f"<!DOCTYPE html><body>{''.join(frames)}<script>{LOOK}</script></body>", encoding="utf-8"
    )
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--allow-file-access-from-files", "--enable-logging=stderr", "--window-size=1500,1000", "--dump-dom"]
    command += [
        f"--blink-settings=preferredColorScheme={0 if request.param == 'dark' else 1}",
        (folder / "all.html").as_uri(),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    found = json.loads(html.unescape(re.search(r'data-found="([^"]*)"', ran.stdout).group(1)))
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return request.param, {frame["name"]: frame for frame in found}, console


def test_a_fault_would_be_seen(seen):
    _, frames, console = seen
    for width in WIDTHS_PX:
        assert frames[f"faulty {width}"]["scrolls"] and frames[f"faulty {width}"]["wide"]
    assert any("faulty.html" in line for line in console)


def test_the_console_is_silent(seen):
    assert [line for line in seen[2] if "faulty.html" not in line] == []


@pytest.mark.parametrize("width", WIDTHS_PX)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_the_window_and_every_picture_is_there(seen, kind, width):
    frame = seen[1][f"{kind} {width}"]
    assert abs(frame["width"] - width) <= 20  # a scroll bar
    assert frame["wide"] == [] and not frame["scrolls"]
    assert frame["broken"] == 0 < frame["pictures"]


def test_a_phone_and_a_screen_have_their_own_columns_and_light_and_dark_their_own_colors(seen):
    scheme, frames, _ = seen
    assert [frames[f"case {width}"]["columns"] for width in WIDTHS_PX] == [1, 3]
    paper, ink = (sum(map(int, re.findall(r"\d+", frames["case 390"][part])[:3])) for part in ("paper", "ink"))
    assert (paper < ink) is (scheme == "dark")
