"""Imports point down, in no circle, and starting a command loads nothing heavy: read from every file's imports.

A folder is a layer, and :data:`STOREYS` says in which order they stand. All imports count: those inside functions and
those for the type checker too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("OsteoJoint", "OsteoJointLib", "training")
LIBRARY, BRIDGE = "OsteoJointLib", "OsteoJointLib.slicer_bridge"
SLICER_ONLY = {"slicer", "qt", "ctk", "vtk", "mrml", "PythonQt", "DICOMLib"}
# What takes longer than 20 ms to import on two cores of a Xeon (python -X importtime, 2026-11-28).
HEAVY = {
    *("torch", "torchvision", "SimpleITK", "pydicom", "nibabel", "skimage", "cv2", "ultralytics", "captum", "jinja2"),
    *("matplotlib", "lightning", "jsonschema", "scipy", "sklearn", "numpy", "highdicom", "ray", "fsspec"),
}
LIGHT_ENOUGH = {"numpy"}  # heavy for `--help`, not for a process that reads a CT
START = (
    *("OsteoJointLib.__main__", "OsteoJointLib.cli.main", "OsteoJointLib.worker.serving", "OsteoJointLib.batch.run"),
    *("OsteoJointLib", "training.__main__"),
)

# From the ground up: a folder may import itself and the folders that stand before it.
EVALUATION_PARTS = tuple(f"evaluation.{name}" for name in ("case_rows", "chain", "outlines"))
STOREYS = (
    "OsteoJointLib.frames",
    "OsteoJointLib",
    *(f"OsteoJointLib.{name}" for name in ("io.files", "io", "level_set", "network", "network.losses")),
    *(f"OsteoJointLib.phantom.{name}" for name in ("solids", "physics", "draws", "scanner", "spine", "trunk")),
    *(f"OsteoJointLib.{name}" for name in ("phantom", "levels", "whole_body", "calibration")),
    *(f"OsteoJointLib.{name}" for name in ("pipeline", "output", "output.dicom", "dataset", "worker", "batch", "cli")),
    BRIDGE,
    *(
        f"{BRIDGE}.{name}"
        for name in ("process", "scene", "reading", "setup", "batch", "labels", "panel.parts", "panel")
    ),
    "training",
    *(f"training.{name}" for name in ("data", "importers", "evaluation", *EVALUATION_PARTS, "tasks", "configs")),
    *(f"training.{name}" for name in ("experiments", "experiments.report", "commands")),
)
FRONT_DOORS = ("OsteoJointLib", "OsteoJointLib.__main__", "training.__main__")
"""Above everything: what a script imports, and what ``python -m`` runs."""


@dataclass(frozen=True)
class Import:
    """One import: by which module, of what, in which line, and when it runs."""

    by: str
    of: str
    line: int
    at_start: bool
    for_types: bool

    @property
    def package(self) -> str:
        return self.of.split(".")[0]

    def __str__(self) -> str:
        return f"{self.by} line {self.line} imports {self.of}"


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_in(body: Iterable[ast.AST], by: str, at_start: bool = True, for_types: bool = False) -> list[Import]:
    """Every import below ``body``."""
    found = []
    for node in body:
        if isinstance(node, ast.Import):
            found += [Import(by, alias.name, node.lineno, at_start, for_types) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{by} line {node.lineno}: imports are absolute in this project"
            # `from package import name` may import the submodule package.name
            found += [
                Import(by, f"{node.module}.{alias.name}", node.lineno, at_start, for_types) for alias in node.names
            ]
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            typed = for_types or is_type_checking(node)
            found += imports_in(ast.iter_child_nodes(node), by, at_start and not inside and not typed, typed)
    return found


FILES = {module_name(path): path for folder in PACKAGES for path in sorted((REPOSITORY / folder).rglob("*.py"))}
IMPORTS = {name: imports_in(ast.parse(path.read_text("utf-8")).body, name) for name, path in FILES.items()}
EVERY = [one for found in IMPORTS.values() for one in found]


def our_module(dotted: str) -> str | None:
    """The module of ours that an import names (its longest part that is a file), None for others' packages."""
    parts = dotted.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in FILES), None)


def folder_of(module: str) -> str:
    """The folder of a module; a package's ``__init__`` lies in its own."""
    return module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]


def storey(module: str) -> int:
    if module in FRONT_DOORS:
        return len(STOREYS)
    assert folder_of(module) in STOREYS, f"{module}: say in STOREYS of this test where its folder stands"
    return STOREYS.index(folder_of(module))


def offenders(predicate: Callable[[Import], bool], imports: Iterable[Import] = EVERY) -> list[str]:
    return [str(one) for one in imports if predicate(one)]


def first_circle(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """A way through the arrows that comes back to where it began; empty where there is none."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for target in arrows.get(name, ()):
            if found := follow(target, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in arrows if (found := follow(name, []))), [])


def test_a_circle_is_found_where_there_is_one():
    assert first_circle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert first_circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]


def test_every_import_of_ours_is_of_a_file_that_exists():
    def leads_nowhere(one: Import) -> bool:
        target = our_module(one.of)
        if one.package not in PACKAGES:
            return False
        return target is None or (target in PACKAGES and one.of not in ("OsteoJointLib", "OsteoJointLib.__version__"))

    library = [one for one in EVERY if one.by not in FRONT_DOORS]
    assert not offenders(leads_nowhere, library)


def test_slicer_is_imported_only_at_its_edge():
    allowed = ("OsteoJoint.", f"{BRIDGE}.")
    assert not offenders(lambda one: one.package in SLICER_ONLY and not (one.by + ".").startswith(allowed))


def test_training_and_the_module_stand_above_the_library():
    assert not offenders(lambda one: one.by.startswith(LIBRARY) and one.package in ("training", "OsteoJoint"))
    assert not offenders(lambda one: one.by.startswith("OsteoJoint.") and one.package == "training")
    assert not offenders(lambda one: one.by.startswith("training") and one.package == "OsteoJoint")
    assert not offenders(lambda one: one.by.startswith("training") and "slicer_bridge" in one.of)


def test_only_the_module_uses_the_bridge_to_slicer():
    assert not offenders(
        lambda one: (our_module(one.of) or "").startswith(BRIDGE) and not one.by.startswith((BRIDGE, "OsteoJoint."))
    )


def test_inside_library_and_training_imports_point_down():
    def points_up(one: Import) -> bool:
        target = our_module(one.of)
        if target is None or not one.by.startswith((LIBRARY, "training")) or target in (LIBRARY, *PACKAGES):
            return False
        return storey(target) > storey(one.by)

    assert not offenders(points_up)


def test_no_imports_run_in_a_circle():
    arrows = {
        name: sorted({t for one in found if (t := our_module(one.of)) and t != name and t not in FRONT_DOORS})
        for name, found in IMPORTS.items()
    }
    assert first_circle(arrows) == []


def test_no_two_files_of_a_package_bear_one_name():
    for package in PACKAGES:
        names = [path.name for name, path in FILES.items() if name.split(".")[0] == package]
        doubles = {name for name in names if names.count(name) > 1} - {"__init__.py", "__main__.py"}
        assert not doubles, f"{package}: {sorted(doubles)}"


def test_ultralytics_is_imported_by_one_file():
    assert not offenders(lambda one: one.package == "ultralytics" and one.by != "OsteoJointLib.network.backbone")


def reached_at_start(start: str) -> tuple[set[str], list[Import]]:
    """Modules of ours that importing ``start`` imports, itself among them, and the imports of heavy packages."""
    seen: set[str] = set()
    waiting, heavy = [start], []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        parents = [name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)]
        waiting += [parent for parent in parents if parent in FILES]
        for one in IMPORTS[name]:
            if one.at_start and one.package in HEAVY:
                heavy.append(one)
            if one.at_start and (target := our_module(one.of)):
                waiting.append(target)
    return seen, heavy


@pytest.mark.parametrize("start", START)
def test_starting_loads_nothing_heavy(start):
    """Follow the imports that run at start, from one file of ours to the next."""
    _, heavy = reached_at_start(start)
    allowed = set() if start in ("OsteoJointLib", "OsteoJointLib.__main__", "OsteoJointLib.cli.main") else LIGHT_ENOUGH
    assert not [str(one) for one in heavy if one.package not in allowed]


def test_an_import_inside_a_function_saves_the_start_something_heavy():
    def saves_nothing(one: Import) -> bool:
        target = our_module(one.of)
        if target is None or one.at_start or one.for_types:
            return False
        already = {heavy.package for heavy in reached_at_start(one.by)[1]}
        return not {heavy.package for heavy in reached_at_start(target)[1]} - already

    assert not offenders(saves_nothing, [one for one in EVERY if not one.by.startswith("OsteoJoint.")])
