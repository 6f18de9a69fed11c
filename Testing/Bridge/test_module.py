"""The module file: loaded as Slicer loads it, reloaded, refused where it can't run, and light to open."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import slicer

from OsteoJointLib.addresses import HOME, manual

from .fake_reading import add_ct

REPOSITORY = Path(__file__).resolve().parents[2]
ABSENT = ("torch", "torchvision", "cv2", "matplotlib", "skimage", "pydicom", "jinja2", "ultralytics", "captum")
"""What Slicer's Python may lack before Install is pressed."""
OPEN_PANEL = """
import json, sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in ABSENT else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path if hasattr(finder, "find_spec")]
import osteojoint_host
host = osteojoint_host.start()
import slicer
widget = host.load_module().widgetRepresentation()
host.app.processEvents()
button = slicer.util.findChild(widget, "applyButton")
print(json.dumps({"tip": button.toolTip, "errors": host.errors()}))
"""


@pytest.fixture
def module(host, scene):
    module = host.load_module()
    yield module
    module.forget_widget()
    host.app.processEvents()


def test_slicer_is_told_what_it_is(module):
    assert module.title == "OsteoJoint"
    assert module.categories == ["Quantification"]
    assert "not a medical device" in module.helpText
    assert not module.icon.isNull()


def test_every_page_that_help_links_to_is_there(module):
    addresses = re.findall(r'href="([^"]+)"', module.helpText)
    pages = [one.removeprefix(manual("")) for one in addresses if one.startswith(manual(""))]
    assert len(pages) == len(addresses) - 1 and f"{HOME}/issues" in addresses
    for page in pages:
        file, _, heading = page.partition("#")
        text = (REPOSITORY / "docs" / file).read_text("utf-8")
        assert not heading or f"## {heading}" in text.lower(), page
    assert "doi.org/10.1155/2023/3018320" in module.acknowledgementText


def test_the_panel_works_without_a_window_and_without_views(host, module):
    with host.without_views():
        widget = module.createNewWidgetRepresentation()
        widget.enter()
        add_ct()
        assert host.wait_until(lambda: slicer.util.findChild(widget, "applyButton").enabled)
        widget.exit()
        widget.self().cleanup()
        widget.deleteLater()


def test_the_logic_is_reached_from_the_console(module):
    module.widgetRepresentation()
    logic = slicer.util.getModuleLogic("OsteoJoint")
    assert logic.reading is logic.reading
    assert logic.reading is module.widgetRepresentation().self().panel._reading


def test_the_console_says_what_is_known_of_a_ct(module, monkeypatch):
    from OsteoJointLib.records import ContrastPhase, Kernel, LeftOutReason, Level
    from OsteoJointLib.slicer_bridge.reading.said import Said

    module.widgetRepresentation()
    logic = slicer.util.getModuleLogic("OsteoJoint")
    node = add_ct()
    logic.say(node, leave_out="L2", leave_out_reason="focal_lesion", kvp=80)
    assert logic.reading.state.said == Said(leave_out=Level.L2, leave_out_reason=LeftOutReason.FOCAL_LESION, kvp=80.0)
    asked = []
    monkeypatch.setattr(logic.reading, "run", lambda *arguments, **said: asked.append((arguments, said)))
    logic.process(node, leave_out=None)
    assert asked == [((node, "reading"), {"leave_out": None})]
    manual = (REPOSITORY / "docs" / "manual" / "slicer.md").read_text("utf-8")
    for name in (field.name for field in fields(Said)):
        assert f"| `{name}` |" in manual and f"``{name}``" in logic.say.__doc__
    for value in (*Level, *LeftOutReason, *Kernel, *ContrastPhase):
        assert f'"{value}"' in manual and f'"{value}"' in logic.say.__doc__


def test_batches_from_the_console_use_the_panel_s_settings(module, monkeypatch):
    from OsteoJointLib.slicer_bridge.batch import folder_batch, node_batch

    asked = []
    for place, name in ((node_batch, "analyze_nodes"), (folder_batch, "analyze_folder")):
        monkeypatch.setattr(place, name, lambda *arguments, **options: asked.append((arguments, options)))
    module.widgetRepresentation()
    logic = slicer.util.getModuleLogic("OsteoJoint")
    logic.analyzeNodes(["node"], "/out", keep_nodes=True)
    logic.analyzeFolder("/in", "/out", settings=None)
    assert asked == [
        ((["node"], "/out"), {"settings": logic.reading.settings, "keep_nodes": True}),
        (("/in", "/out"), {"settings": None}),
    ]


def test_its_own_test_passes(module):
    slicer.selfTests["OsteoJoint"]()


def test_reload_takes_the_library_anew_and_ends_the_worker(host, module, monkeypatch):
    widget = module.widgetRepresentation()
    kept = {name: value for name, value in sys.modules.items() if name.split(".")[0] == "OsteoJointLib"}
    ended, reloaded = [], []
    monkeypatch.setattr(widget.self().logic.reading.client, "close", lambda: ended.append(True))
    monkeypatch.setattr(slicer.util, "reloadScriptedModule", reloaded.append)  # Slicer's own part
    try:
        widget.self().onReload()
        assert (ended, reloaded) == ([True], ["OsteoJoint"])
        anew = module.createNewWidgetRepresentation()
        assert type(anew.self().panel) is not kept["OsteoJointLib.slicer_bridge.panel.panel"].Panel
        add_ct()
        button = slicer.util.findChild(anew, "applyButton")
        assert host.wait_until(lambda: button.enabled), button.toolTip
        anew.self().cleanup()
        anew.deleteLater()
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "OsteoJointLib"]:
            del sys.modules[name]
        sys.modules.update(kept)


def test_an_older_python_is_refused_in_a_sentence(host, module, monkeypatch):
    monkeypatch.setattr(sys.modules["OsteoJoint"].sys, "version_info", (3, 9, 10))
    widget = module.createNewWidgetRepresentation()
    (label,) = [child for child in slicer.util.findChildren(widget, className="QLabel") if child.text]
    assert label.text.startswith("OsteoJoint needs Slicer 5.8 or newer with Python 3.11 or newer")
    assert "Python 3.9" in label.text
    widget.enter()
    widget.exit()
    widget.self().cleanup()
    widget.deleteLater()


def test_the_module_file_itself_is_read_by_python_3_9():
    import ast

    ast.parse((REPOSITORY / "OsteoJoint" / "OsteoJoint.py").read_text("utf-8"), feature_version=(3, 9))


@pytest.mark.timeout_s(200)
def test_the_panel_opens_before_anything_is_installed(tmp_path):
    code = f"ABSENT = {ABSENT!r}\n{OPEN_PANEL}"
    path = os.pathsep.join([str(REPOSITORY / "Testing" / "host"), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer == {
        "tip": "OsteoJoint needs packages that are not installed yet.",
        "errors": [],
    }
