"""What joins the library to 3D Slicer: the one package that may import slicer, qt, ctk and vtk.

From the user to the network and back: `panel` shows and asks; `reading` holds one CT's reading, whose engine finds the
fewest requests; `process` sends them to a process of its own; what comes back is put into the `scene`, whose nodes
carry all that is kept. `batch` reads many CTs, `setup` brings packages, weights and the sample. What imports neither
slicer nor qt is plain Python, and tested as such.
"""
