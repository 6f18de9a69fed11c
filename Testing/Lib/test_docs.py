"""The documentation says what the code does: codes, commands, options, operations and links, in both directions."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import pkgutil
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from OsteoJointLib.cli.main import build_parser
from OsteoJointLib.errors import ExitCode, Reason
from OsteoJointLib.output.result_schema import result_schema
from OsteoJointLib.packages import PACKAGES
from OsteoJointLib.worker.requests import OPERATIONS
from Testing.attack.__main__ import build_parser as build_attack_parser
from training.__main__ import build_parser as build_training_parser

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")])
OTHERS_OPTIONS = {  # of pip, Slicer, cmake, ctest, git, TensorBoard and Testing's scripts
    *("--dest", "--index-url", "--find-links", "--no-deps", "--constraint", "--build", "--test-dir"),
    *("--no-main-window", "--no-splash", "--python-script", "--help", "--renew", "--shapes", "--persons"),
    *("--head", "--address", "--disable-usage-stats"),  # of Ray
    *("--logdir",),
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


@pytest.fixture(scope="module")
def doc_tables():
    spec = importlib.util.spec_from_file_location("doc_tables", REPOSITORY / ".ci" / "doc_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def test_pages_that_the_code_names_are_there():
    for folder in ("OsteoJoint", "OsteoJointLib", "training", "Testing", ".ci", "examples"):
        for file in (REPOSITORY / folder).rglob("*.py"):
            for page in re.findall(r"\bdocs/[\w/-]+\.md", file.read_text("utf-8")):
                assert (REPOSITORY / page).is_file(), f"{file.name} names {page}"


def test_what_the_api_page_shows_is_there():
    for name in re.findall(r"^::: (\S+)$", text_of("docs/reference/python.md"), re.MULTILINE):
        assert pkgutil.resolve_name(name), name


def test_every_picture_is_shown():
    shown = "".join(page.read_text("utf-8") for page in PAGES)
    assert [p.name for p in (REPOSITORY / "Resources" / "Screenshots").iterdir() if p.name not in shown] == []


def test_every_dependency_has_its_notice():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    notices = text_of("THIRD_PARTY_NOTICES.md").lower()
    assert [one for one in wanted if re.match(r"[\w-]+", one)[0].lower() not in notices] == []


def said_words() -> list[str]:
    """Every text of the product, with … where a value stands."""
    found = [path.read_text("utf-8") for path in (REPOSITORY / "Resources" / "UI").iterdir()]
    for path in (REPOSITORY / "OsteoJointLib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"\{\w+\}", "…", node.value))  # for str.format, after translation
    return found


def test_the_words_to_look_for_are_said():
    """Of OsteoJoint's own, in quotation marks; at an end of them stands … for a value."""
    quoted = re.findall(r"“([^”]+)”", text_of("docs/troubleshooting.md"))
    texts = said_words()
    unsaid = [words for words in quoted if not any(words.strip(" …") in re.sub(r'"…"', "…", text) for text in texts)]
    assert quoted and not unsaid, f"docs/troubleshooting.md quotes what nothing says any more: {unsaid}"


def test_the_packages_to_carry_over_without_a_network_are_named():
    """Slicer brings the others."""
    page = text_of("docs/manual/slicer.md").split("## Without a network")[1]
    wanted = {package.name for package in PACKAGES} - {"numpy", "scipy", "SimpleITK"}
    assert [name for name in wanted if not re.search(rf"[ \n]{name}[ \n]", page)] == []


def test_every_reason_code_is_explained():
    assert sorted(first_cells("docs/reference/reasons.md")) == sorted(Reason)


def test_every_exit_code_is_explained():
    rows = re.findall(r"^\| (\d+) \|", text_of("docs/manual/terminal.md"), re.MULTILINE)
    assert {int(code) for code in rows} == set(ExitCode)


def test_tables_are_as_the_code_has_them(doc_tables):
    for page in DOCS.rglob("*.md"):
        text = page.read_text("utf-8")
        assert doc_tables.renewed(text) == text, f"{page.name} is out of date: run `make lists`"


def test_every_part_of_a_result_is_explained():
    named = {name.split(".")[0] for name in first_cells("docs/reference/result-json.md")}
    assert named == set(result_schema()["properties"])


def test_every_command_is_explained_and_no_option_that_is_not_there(doc_tables):
    there = set(OTHERS_OPTIONS)
    for page, parser in (("terminal", build_parser()), ("training", build_training_parser())):
        for name, command in doc_tables.commands_of(parser).items():
            assert re.search(rf"^\| `[^`|]*\b{name}\b[^|]*\|", text_of(f"docs/manual/{page}.md"), re.MULTILINE), name
            there |= {option for action in command._actions for option in action.option_strings}
    there |= {option for action in build_attack_parser()._actions for option in action.option_strings}
    for page in PAGES:
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page.read_text("utf-8")))
        assert named <= there | {"--version"}, f"{page.name} names {sorted(named - there)}"


def command_lines() -> list[str]:
    """Every call of our two commands in the pages' blocks of shell."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if re.search(r"\bosteojoint [a-z]|python -m training [a-z]", line)]


@pytest.mark.parametrize("line", command_lines())
def test_commands_can_be_typed_as_they_stand(line):
    words = shlex.split(line.partition("|")[2] if line.startswith("echo") else line.rstrip("& "), comments=True)
    ours = "training" in words
    build_parser_of = build_training_parser if ours else build_parser
    build_parser_of().parse_args(words[words.index("training") + 1 :] if ours else words[1:])


def test_every_operation_of_the_worker_is_explained_with_all_its_fields():
    """What a row leaves to the words "options" and "a result" stands once, below the table."""
    page = text_of("docs/reference/worker.md")
    options = set(
        re.findall(r"^\| `(\w+)` \|", page.split("Its *options* are:")[1].split("## Fields")[0], re.MULTILINE)
    )
    shared = {"options": options, "a result": {"case", "result", "files", "views"}}
    table = page.split("## Operations")[1].split("A **result**")[0]
    rows = [row.split("|")[1:4] for row in table.splitlines() if row.startswith("| `")]

    def named(cell: str) -> set[str]:
        return set(re.findall(r"`(\w+)`", cell)).union(*(names for word, names in shared.items() if word in cell))

    def there(record: type) -> set[str]:
        return {field.name for field in dataclasses.fields(record)}

    assert [op.strip(" `") for op, _, _ in rows] == list(OPERATIONS)
    for op, takes, gives in rows:
        request = OPERATIONS[op.strip(" `")]
        assert named(takes) == there(request), op
        assert named(gives) | {"edited"} == there(request.answer) | {"edited"}, op
