"""A small Slicer for tests: real MRML (slicer-core), real Qt (PySide6, offscreen), stand-ins for what is neither.

How to use it
=============

A test in ``Testing/Bridge/test_*.py`` is an ordinary pytest function that asks for ``scene``::

    import slicer
    import qt
    from OsteoJointLib.slicer_bridge.scene.level_nodes import show_levels

    def test_a_point(scene):                 # an empty slicer.mrmlScene, cleared again afterwards
        ...
        slicer.app.processEvents()

Run it: ``OMP_NUM_THREADS=1 .venv/bin/python -m pytest Testing/Bridge/test_x.py`` (no -n needed). Fixtures:

- ``scene``: ``slicer.mrmlScene``, empty. Every test in Testing/Bridge fails on any exception in a slot, timer or
  observer and on any warning or error of Qt or VTK during it. A test that means to provoke one takes them first:
  ``host.errors()`` returns and forgets them.
- ``host``: the running :class:`Host`: ``host.wait_until(condition, seconds)``, ``host.load_module()`` (OsteoJoint as
  ``slicer.modules.osteojoint``, ``startupCompleted()`` fired), ``host.errors()``, ``host.without_views()``,
  ``host.paint(widget, mask)``.
- ``views``: the layout manager with real slice and 3-D views; ``views.render_slice("Red", (400, 300))`` and
  ``views.render_3d((400, 300))`` return RGB arrays (height, width, 3).
- ``@pytest.mark.timeout_s(300)``: a test that hangs is killed, with its worker, after 120 s unless it says otherwise.

Outside pytest (``PYTHONPATH=Testing/host``): ``import osteojoint_host; host = osteojoint_host.start()``.

What a green test can't show
============================

That real qMRML and CTK widgets, the segment editor's effects and panel, PythonQt's conversions of arguments, layouts,
the DICOM database and themes behave as these stand-ins do. Each file's docstring says what its part leaves out. A run
in a real Slicer (``ctest``, Testing/Slicer) has the last word.
"""

from osteojoint_host.host import Host, start

__all__ = ["Host", "start"]
