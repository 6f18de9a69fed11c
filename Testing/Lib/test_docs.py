"""The documentation says what the code does: codes, commands, options, operations and links, in both directions."""

from __future__ import annotations

import argparse
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from OsteoJointLib.cli.main import build_parser
from OsteoJointLib.errors import ExitCode, Reason
from OsteoJointLib.worker import serving
from training.__main__ import _parser as build_training_parser

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")])
OTHERS_OPTIONS = {  # of pip, Slicer, cmake, ctest and git
    *("--dest", "--index-url", "--find-links", "--no-deps", "--constraint", "--build", "--test-dir"),
    *("--no-main-window", "--no-splash", "--python-script", "--help"),
    *("--first", "--levels", "--multitask", "--samples"),
}


def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text("utf-8")


def prose(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def first_cells(page: str) -> list[str]:
    """What stands in code marks in the first cells of a page's tables."""
    cells = [line.split("|")[1] for line in text_of(page).splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text("utf-8")), re.MULTILINE)
    names = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(names) == len(set(names)), f"{page}: a heading stands twice"
    return set(names)


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices


def options(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of all its commands, but those that are hidden."""
    parsers = [parser, *commands(parser).values()]
    actions = [action for one in parsers for action in one._actions if action.help != argparse.SUPPRESS]
    return {name for action in actions for name in action.option_strings if name.startswith("--")} - {"--help"}


def test_the_readme_is_read_in_one_sitting():
    assert len(text_of("README.md").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", link):
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            assert target.exists(), f"{page.name} links to {link}"
            assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def test_every_picture_is_shown():
    shown = "".join(page.read_text("utf-8") for page in PAGES)
    assert [p.name for p in (REPOSITORY / "Resources" / "Screenshots").iterdir() if p.name not in shown] == []


def test_every_dependency_has_its_notice():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    notices = text_of("THIRD_PARTY_NOTICES.md").lower()
    assert [one for one in wanted if re.match(r"[\w-]+", one)[0].lower() not in notices] == []


def test_every_reason_code_is_explained():
    assert sorted(first_cells("docs/reference/reasons.md")) == sorted(Reason)


def test_every_exit_code_is_explained():
    rows = re.findall(r"^\| (\d+) \|", text_of("docs/manual/terminal.md"), re.MULTILINE)
    assert {int(code) for code in rows} == {*map(int, ExitCode), 130}


def test_every_command_and_option_is_explained():
    for page, build in (("terminal", build_parser), ("training", build_training_parser)):
        text = text_of(f"docs/manual/{page}.md")
        assert [name for name in commands(build()) if not re.search(rf"\b{name}\b", text)] == []
        assert sorted(name for name in options(build()) if name not in text) == []


def test_no_option_is_explained_that_is_not_there():
    there = options(build_parser()) | options(build_training_parser()) | OTHERS_OPTIONS
    for page in PAGES:
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page.read_text("utf-8")))
        assert named <= there, f"{page.name} names {sorted(named - there)}"


def test_every_operation_of_the_worker_is_explained():
    table = text_of("docs/reference/worker.md").split("## Operations")[1].split("A **result**")[0]
    there = re.findall(r'^ +"(\w+)": ', inspect.getsource(serving.answer_request), re.MULTILINE)
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == there
