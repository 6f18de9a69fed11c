"""Read a folder of CTs in Slicer without a window.

Slicer --no-main-window --no-splash --python-script examples/slicer_console.py
"""

import slicer


def say(done, total, row):
    print(done, total, row["case"], row["outcome"])


logic = slicer.util.getModuleLogic("OsteoJoint")
rows = logic.analyzeFolder("/data/cts", "/data/readings", on_progress=say)
slicer.util.exit(0 if all(row["outcome"] == "done" for row in rows) else 1)
