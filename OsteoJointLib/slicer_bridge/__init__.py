"""What joins the library to 3D Slicer: the one package that may import slicer, qt, ctk and vtk.

`command` and `words` are plain Python; `process`, `scene`, `runner` and `panel` need Slicer.
"""
