"""The layers point one way, and starting the command line loads nothing heavy: read from every file's imports."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SLICER_ONLY = {"slicer", "qt", "ctk", "vtk", "mrml", "PythonQt"}
HEAVY = {
    *("torch", "torchvision", "SimpleITK", "pydicom", "nibabel", "skimage", "cv2", "ultralytics", "captum", "jinja2"),
    *("matplotlib", "lightning", "jsonschema"),
}
NAMES_IN_PACKAGES = {"OsteoJointLib", "OsteoJointLib.__version__"}
START = ("OsteoJointLib.__main__", "OsteoJointLib.cli", "OsteoJointLib.worker", "OsteoJointLib.batch")

# From the ground up. A module may import those of its own layer and of the layers below it.
LAYERS = (
    ("", "errors", "failures", "records", "geometry", "config", "resources", "device", "hardware", "stages"),
    ("io", "network", "phantom", "weights"),
    (
        *("levels", "preprocess", "localization", "segmentation", "level_set", "classification", "gradcam", "measure"),
        *("case", "sites", "segmented", "labels", "pipeline_config", "output", "delivery", "baseline", "dataset"),
    ),
    ("pipeline", "loading"),
    (
        *("cli", "terminal", "batch", "batch_cases", "worker", "worker_process", "worker_session", "worker_requests"),
        *("worker_answers", "worker_saving", "doctor", "demo", "comparison", "__main__", "slicer_bridge"),
    ),
)


@dataclass(frozen=True)
class Import:
    """One import: by which module, of what, and whether it runs when that module is imported."""

    by: str
    of: str
    at_start: bool

    @property
    def package(self) -> str:
        return self.of.split(".")[0]


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_in(body, by: str, at_start: bool) -> list[Import]:
    """Every import below ``body``; those for the type checker alone don't count."""
    found = []
    for node in body:
        if isinstance(node, ast.Import):
            found += [Import(by, alias.name, at_start) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{by} line {node.lineno}: imports are absolute in this project"
            # `from package import name` may import the submodule package.name
            found += [Import(by, f"{node.module}.{alias.name}", at_start) for alias in node.names]
        elif not is_type_checking(node):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            found += imports_in(ast.iter_child_nodes(node), by, at_start and not inside)
    return found


FILES = {
    module_name(path): path
    for folder in ("OsteoJoint", "OsteoJointLib", "training")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
}
IMPORTS = {name: imports_in(ast.parse(path.read_text("utf-8")).body, name, True) for name, path in FILES.items()}


def our_module(dotted: str) -> str | None:
    """The module of ours that an import names (its longest part that is a file), None for others' packages."""
    parts = dotted.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in FILES), None)


def layer(module: str) -> int:
    part = [*module.split("."), ""][1]
    found = [rank for rank, parts in enumerate(LAYERS) if part in parts]
    assert found, f"{module}: say in LAYERS of this test to which layer {part!r} belongs"
    return found[0]


def offenders(predicate) -> list[str]:
    return [f"{one.by} imports {one.of}" for found in IMPORTS.values() for one in found if predicate(one)]


def test_every_import_of_ours_is_of_a_file_that_exists():
    packages = ("OsteoJoint", "OsteoJointLib", "training")

    def leads_nowhere(one: Import) -> bool:
        return one.package in packages and our_module(one.of) in (None, *packages) and one.of not in NAMES_IN_PACKAGES

    assert not offenders(leads_nowhere)


def test_slicer_is_imported_only_at_its_edge():
    allowed = ("OsteoJoint.", "OsteoJointLib.slicer_bridge.")
    assert not offenders(lambda one: one.package in SLICER_ONLY and not (one.by + ".").startswith(allowed))


def test_training_and_the_module_stand_above_the_library():
    assert not offenders(lambda one: one.by.startswith("OsteoJointLib") and one.package in ("training", "OsteoJoint"))
    assert not offenders(lambda one: one.by.startswith("OsteoJoint.") and one.package == "training")
    assert not offenders(lambda one: one.by.startswith("training") and one.package == "OsteoJoint")
    assert not offenders(lambda one: one.by.startswith("training") and "slicer_bridge" in one.of)


def test_only_the_module_uses_the_bridge_to_slicer():
    bridge = "OsteoJointLib.slicer_bridge"
    assert not offenders(
        lambda one: (our_module(one.of) or "").startswith(bridge) and not one.by.startswith((bridge, "OsteoJoint."))
    )


def test_inside_the_library_imports_point_down():
    def points_up(one: Import) -> bool:
        target = our_module(one.of)
        if not one.by.startswith("OsteoJointLib") or not (target or "").startswith("OsteoJointLib"):
            return False
        return layer(target) > layer(one.by)

    assert not offenders(points_up)


def test_ultralytics_is_imported_by_one_file():
    assert not offenders(lambda one: one.package == "ultralytics" and one.by != "OsteoJointLib.network.backbone")


@pytest.mark.parametrize("start", START)
def test_starting_loads_nothing_heavy(start):
    """Follow the imports that run at start, from one file of ours to the next."""
    assert start in FILES
    seen, waiting, heavy = set(), [start], []
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for one in IMPORTS[name]:
            if one.at_start and one.package in HEAVY:
                heavy.append(f"{one.by} imports {one.of} at its top")
            target = our_module(one.of)
            if one.at_start and target and target not in seen:
                waiting += [target, *(p for p in (target.rsplit(".", 1)[0],) if p in FILES and p not in seen)]
    assert not heavy
