"""The Extensions Index's entry: its schema, its checks, and that it says what CMake says."""

import json
import re
import struct
import subprocess
from pathlib import Path

import jsonschema
import pytest

from OsteoJointLib.addresses import HOME

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRY = REPOSITORY / "OsteoJoint.json"
CMAKE = (REPOSITORY / "CMakeLists.txt").read_text("utf-8")
URL = "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.1.json#"
RULES = {
    "type": "object",
    "required": ["$schema", "category", "scm_url"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": URL},
        "build_dependencies": {"type": "array", "items": {"type": "string"}},
        "build_subdirectory": {"type": "string"},
        "category": {"type": "string"},
        "enabled": {"type": "boolean"},
        "scm_revision": {"type": "string"},
        "scm_type": {"enum": ["git", "local"]},
        "scm_url": {"type": "string"},
        "tier": {"enum": [1, 3, 5]},
    },
}
"""What version 1.0.1 of Slicer's schema asks for, in our own words."""


@pytest.fixture
def entry() -> dict:
    return json.loads(ENTRY.read_text("utf-8"))


def cmake(name: str) -> str:
    """A variable of the extension; the Index reads each as one quoted string."""
    return re.search(rf'set\(EXTENSION_{name} "([^"]*)"\)', CMAKE).group(1)


def test_the_entry_follows_the_schema(entry):
    jsonschema.validate(entry, RULES)


@pytest.mark.parametrize("wrong", [{"tier": 2}, {"licence": "Apache-2.0"}, {"build_dependencies": "PyTorch"}])
def test_the_rules_refuse_what_the_schema_refuses(entry, wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(entry | wrong, RULES)


def test_the_file_has_unix_line_ends_and_one_at_its_end():
    data = ENTRY.read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"}\n")


def test_entry_and_cmake_say_the_same(entry):
    assert re.search(r"^project\((\w+)\)$", CMAKE, re.MULTILINE).group(1) == ENTRY.stem
    assert entry["category"] == cmake("CATEGORY")
    assert entry["build_dependencies"] == cmake("DEPENDS").split()
    assert entry["scm_url"] == cmake("HOMEPAGE") + ".git"
    assert "://" in entry["scm_url"]


def test_the_module_stands_in_the_same_category(entry):
    module = (REPOSITORY / "OsteoJoint" / "OsteoJoint.py").read_text("utf-8")
    assert f'translate("qSlicerAbstractCoreModule", "{entry["category"]}")' in module


def test_names_are_as_the_index_wants_them(entry):
    assert not ENTRY.stem.startswith("Slicer")
    assert entry["scm_url"].rsplit("/", 1)[1].startswith("Slicer")
    assert entry["category"] in {"Segmentation", "Quantification", "Analysis"}


def test_licence_and_readme_are_our_own():
    for name in ("LICENSE_FILE", "README_FILE"):
        path = cmake(name).replace("${CMAKE_CURRENT_SOURCE_DIR}", str(REPOSITORY))
        assert Path(path).is_file()


def test_the_description_is_said_in_a_sentence_or_two():
    assert cmake("DESCRIPTION").count(". ") <= 2
    assert "research" in cmake("DESCRIPTION").lower()


@pytest.mark.parametrize("name", ["Phantom.png"])
def test_the_thumbnail_has_the_size_that_sample_data_shows(name):
    data = (REPOSITORY / "Resources" / "Icons" / name).read_bytes()
    assert struct.unpack(">II", data[16:24]) == (260, 280)
    assert len(data) <= 60_000


def test_every_address_is_made_from_the_one_in_the_library():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout
    where = {}
    for name in files.decode().split("\0"):
        path = REPOSITORY / name
        if path.is_file() and path.suffix not in (".png", ".safetensors", ".svg"):
            text = path.read_text("utf-8", errors="ignore")
            found = re.findall(r"https://(?:raw\.githubusercontent|github)\.com/([\w.-]*Osteo[\w.-]*/[\w-]+)", text)
            where |= {name: set(found)} if found else {}
    home = HOME.removeprefix("https://github.com/")
    assert set.union(*where.values()) == {home}
    assert [name for name in where if name.endswith(".py")] == ["OsteoJointLib/addresses.py"]
    assert "OsteoJointLib/addresses.py" in (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
