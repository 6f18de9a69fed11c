"""What is packaged is what is there: wheel, CMake lists (`make lists` writes them), requirements, versions."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from xml.etree import ElementTree

import pytest

from OsteoJointLib.packages import PACKAGES, Need

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
DISTRIBUTIONS = importlib.metadata.packages_distributions()

OF_SLICER = {"slicer", "qt", "ctk", "vtk", "DICOMLib", "SampleData", "PyTorchUtils"}
"""What only Slicer and its extensions bring; in the tests it comes from Testing/host."""


def requirement_name(requirement: str) -> str:
    """The normalized name in a requirement: ``SimpleITK>=2.3`` -> ``simpleitk``."""
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    wanted = [*PROJECT["dependencies"], *(r for extra in extras for r in PROJECT["optional-dependencies"][extra])]
    return {requirement_name(requirement) for requirement in wanted}


def others_imported(folder: str) -> set[str]:
    """Names of all packages that the files below a folder import and that are neither ours nor Python's."""
    names = set()
    for path in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    ours = {"OsteoJoint", "OsteoJointLib", "training", "osteojoint_host", "Testing"}
    ours |= {path.stem for path in (REPOSITORY / folder).rglob("*.py")}  # the tests' own, beside each other
    return names - ours - set(sys.stdlib_module_names) - OF_SLICER


def undeclared(folder: str, *extras: str) -> list[str]:
    allowed = declared(*extras)
    if "opencv-python-headless" in allowed:
        allowed.add("opencv-python")  # one module, two distributions
    return sorted(
        name
        for name in others_imported(folder)
        if not {requirement_name(d) for d in DISTRIBUTIONS.get(name, [name])} & allowed
    )


def cmake_list(file: str, name: str) -> list[str]:
    text = (REPOSITORY / file).read_text("utf-8")
    return re.search(rf"set\({name}\s+(.*?)\)", text, re.DOTALL).group(1).split()


def on_disk(folder: str, *patterns: str) -> list[str]:
    root = REPOSITORY / folder
    found = {path for pattern in patterns for path in root.rglob(pattern) if path.is_file()}
    return sorted(str(path.relative_to(REPOSITORY)) for path in found if "__pycache__" not in path.parts)


def test_cmake_lists_the_library():
    files = on_disk("OsteoJointLib", "*")
    listed = cmake_list("CMakeLists.txt", "OSTEOJOINT_LIBRARY") + cmake_list(
        "CMakeLists.txt", "OSTEOJOINT_LIBRARY_DATA"
    )
    assert sorted(listed) == files
    assert all(name.endswith(".py") for name in cmake_list("CMakeLists.txt", "OSTEOJOINT_LIBRARY"))


def test_cmake_lists_the_resources():
    files = [name for name in on_disk("Resources", "*") if not name.startswith("Resources/Screenshots/")]
    assert sorted(cmake_list("CMakeLists.txt", "OSTEOJOINT_RESOURCES")) == files


def test_cmake_lists_the_module_and_its_tests():
    module = cmake_list("OsteoJoint/CMakeLists.txt", "OSTEOJOINT_MODULE")
    assert [f"OsteoJoint/{name}" for name in module] == on_disk("OsteoJoint", "*.py")
    tests = [
        name
        for part in ("TESTS", "TEST_SUPPORT")
        for name in cmake_list("Testing/Slicer/CMakeLists.txt", f"OSTEOJOINT_SLICER_{part}")
    ]
    assert sorted(f"Testing/Slicer/{name}" for name in tests) == on_disk("Testing/Slicer", "*.py")


def test_the_extension_index_finds_what_it_reads():
    text = (REPOSITORY / "CMakeLists.txt").read_text("utf-8")
    assert re.search(r"^project\(OsteoJoint\)$", text, re.MULTILINE)
    for name in ("ICONURL", "SCREENSHOTURLS"):
        url = re.search(rf'set\(EXTENSION_{name} "(https://[^"]+)"\)', text).group(1)
        path = REPOSITORY / url.split("/main/")[1]
        assert path.read_bytes().startswith(b"\x89PNG"), f"{name} names {path}, which is no PNG"


def test_translators_begin_with_every_text_of_the_module():
    subprocess.run([sys.executable, ".ci/translations.py", "--check"], cwd=REPOSITORY, check=True)
    root = ElementTree.parse(REPOSITORY / "Resources/Translations/OsteoJoint_en-US.ts").getroot()
    texts = {
        group.findtext("name"): [message.findtext("source") for message in group.iter("message")]
        for group in root.iter("context")
    }
    # by Slicer's rule: package and file of a Python file, its own name where it lies in no package, a form's class
    assert "Read bone status" in texts["setup.OsteoJointSubjectHierarchyPlugin"]
    assert any("For research only" in text for text in texts["OsteoJoint"])
    assert "Shift up" in texts["Levels"]
    assert not any("qSlicer" in context for context in texts)


def test_the_library_imports_only_what_it_declares():
    assert undeclared("OsteoJointLib", "localizer", "dicom", "pdf", "ray") == []


def test_training_imports_only_what_it_declares():
    assert undeclared("training", "train", "ray") == []


def test_tests_import_only_what_they_declare():
    by_hand = ["spekpy", "xraydb"]  # Testing/make_attenuation.py, which made a table once
    assert sorted(undeclared("Testing", "train", "test", "localizer", "pdf", "ray")) == by_hand


def test_the_table_of_packages_is_what_the_library_declares():
    ranges = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["localizer"]]
    assert sorted(one.specifier for one in PACKAGES) == sorted(ranges)
    for one in PACKAGES:
        assert requirement_name(one.name) in {requirement_name(name) for name in DISTRIBUTIONS[one.module]}
    optional = {requirement_name(one.name) for one in PACKAGES if one.need is Need.LOCALIZER}
    assert optional == {requirement_name(name) for name in PROJECT["optional-dependencies"]["localizer"]}


def test_every_requirement_is_pinned_to_what_is_installed():
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {requirement_name(name): version for name, version in pins.items()}
    for name in declared(*PROJECT["optional-dependencies"]):
        assert pins[name] == importlib.metadata.version(name), name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(REPOSITORY)], check=True)
    return next(folder.glob("osteojoint-*.whl"))


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel, which sees the other packages of this one but not this checkout."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    subprocess.run([*install, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run_clean(python: Path, *arguments: str, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(python), *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_module_and_resource(clean_python, tmp_path):
    code = """
import importlib, pathlib, pkgutil, OsteoJointLib
from OsteoJointLib.resources import resource_path
for one in pkgutil.walk_packages(OsteoJointLib.__path__, "OsteoJointLib."):
    if "slicer_bridge" not in one.name and not one.name.endswith("__main__"):
        print(importlib.import_module(one.name).__name__)
folder = pathlib.Path(OsteoJointLib.__file__).parent
print(folder, resource_path("Weights", "manifest.json").is_file() and (folder / "py.typed").is_file())
"""
    *modules, last = run_clean(clean_python, "-c", code, cwd=tmp_path).splitlines()
    assert (
        last == f"{clean_python.parents[1] / 'lib' / f'python{sys.version_info[0]}.{sys.version_info[1]}'}"
        "/site-packages/OsteoJointLib True"
    )
    expected = {
        name[: -len(".py")].replace("/", ".").removesuffix(".__init__") for name in on_disk("OsteoJointLib", "*.py")
    }
    assert set(modules) == {
        name for name in expected - {"OsteoJointLib", "OsteoJointLib.__main__"} if "slicer_bridge" not in name
    }


def test_the_wheel_brings_the_command(clean_python, tmp_path):
    command = clean_python.with_name("osteojoint")
    assert "analyze" in run_clean(command, "--help", cwd=tmp_path)
    assert "analyze" in run_clean(clean_python, "-m", "OsteoJointLib", "--help", cwd=tmp_path)


def test_importing_the_package_needs_nothing_else(tmp_path):
    """Slicer reads the version before any package is installed."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from OsteoJointLib import resources, __version__"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(REPOSITORY)], check=True, cwd=tmp_path)
