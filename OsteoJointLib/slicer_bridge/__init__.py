"""What joins the library to 3D Slicer: the one package that may import slicer, qt, ctk and vtk.

From the user to the network and back: `panel` shows and asks; `reading` holds one CT's reading and acts; `engine`
finds the fewest requests and `worker_client` sends them to a process of its own; `present` puts what comes back into
the scene, whose nodes `reading_nodes` and the other `*_nodes` make and find. `node_batch` and `folder_batch` read many
CTs, `install` brings the packages. What imports neither slicer nor qt is plain Python, and tested as such.
"""
