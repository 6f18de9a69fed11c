"""`slicer.app.coreIOManager()`: files in and out of the scene by the modules' real logics and storage nodes.

Left out: the dialogs, properties of readers other than those below, DICOM, and who knows best which reader to take
(here: the longest ending).
"""

from __future__ import annotations

from pathlib import Path

import slicer
import vtk

ENDINGS = {
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".seg.nrrd": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mrk.json": "MarkupsFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
    ".ctbl": "ColorTableFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
    ".vtk": "ModelFile",
    ".stl": "ModelFile",
}


class IOManager:
    """Readers by file type, writers by the node's own storage node.

    Args:
        mrml: the scene and the logics.
    """

    def __init__(self, mrml):
        self._mrml = mrml
        self._readers = {
            "SceneFile": self._read_scene,
            "VolumeFile": self._read_volume,
            "SegmentationFile": lambda path, p: self._logic("Segmentations").LoadSegmentationFromFile(
                path, p.get("autoOpacities", True), p.get("name", "")
            ),
            "MarkupsFile": lambda path, p: self._mrml.scene.GetNodeByID(
                self._logic("Markups").LoadMarkups(path, p.get("name")) or ""
            ),
            "TableFile": lambda path, p: self._logic("Tables").AddTable(path, p.get("name", "")),
            "TextFile": self._read_text,
            "ColorTableFile": lambda path, p: self._logic("Colors").LoadColorFile(path, p.get("name")),
            "TransformFile": lambda path, p: self._logic("Transforms").AddTransform(path, self._mrml.scene),
            "ModelFile": lambda path, p: self._logic("Models").AddModel(path),
        }

    def _logic(self, name: str):
        return self._mrml.logics[name]

    def fileType(self, path):
        """Return which reader a file gets."""
        return next((ENDINGS[e] for e in self._endings_of(path)), "NoFile")

    def registeredFileReaderCount(self, fileType):
        """Return how many readers there are for a type."""
        return int(fileType in self._readers)

    def loadNodes(self, fileType, properties, loadedNodes=None, userMessages=None):
        """Read a file; return whether that worked."""
        path = str(properties["fileName"])
        if fileType not in self._readers or not Path(path).exists():
            return False
        node = self._readers[fileType](path, properties)
        if node is None or node is False:
            return False
        if loadedNodes is not None and node is not True:
            loadedNodes.AddItem(node)
        return True

    def fileWriterFileType(self, node):
        """Return the type by which a node is saved."""
        return next(iter(ENDINGS.values())) if node is None else node.GetNodeTagName() + "File"

    def saveNodes(self, fileType, properties, userMessages=None):
        """Save the scene or one node, which then remembers its file."""
        path = str(properties["fileName"])
        if fileType == "SceneFile":
            return self._write_scene(path)
        node = self._mrml.scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode(path)
        return self._write(node, node.GetStorageNode(), path, properties)

    def exportNodes(self, nodeIDs, fileNames, properties, hardenTransform, userMessages=None):
        """Write nodes to files from a scene of their own: the nodes and their storage stay as they are."""
        for identifier, path in zip(nodeIDs, fileNames, strict=True):
            original = self._mrml.scene.GetNodeByID(identifier)
            scene = slicer.vtkMRMLScene()
            node = scene.AddNewNodeByClass(original.GetClassName())
            node.CopyContent(original)
            if hardenTransform and original.GetParentTransformNode():
                transform = scene.AddNewNodeByClass(original.GetParentTransformNode().GetClassName())
                world = vtk.vtkGeneralTransform()
                original.GetParentTransformNode().GetTransformToWorld(world)
                transform.SetAndObserveTransformToParent(world)
                node.SetAndObserveTransformNodeID(transform.GetID())
                node.HardenTransform()
            storage = node.CreateDefaultStorageNode()
            storage.UnRegister(None)
            scene.AddNode(storage)
            if not self._write(node, storage, str(path), properties):
                return False
        return True

    def extractKnownExtension(self, path, node):
        """Return the ending of a file name that the node's writer knows."""
        known = [
            slicer.vtkDataFileFormatHelper.GetFileExtensionFromFormatString(f) for f in self.fileWriterExtensions(node)
        ]
        return next((ending for ending in self._endings_of(path, known)), "")

    def fileWriterExtensions(self, node):
        """Return the formats that a node can be written in, as ``NRRD (.nrrd)``."""
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        storage.SetScene(self._mrml.scene)
        kinds = storage.GetSupportedWriteFileTypes()
        return tuple(kinds.GetValue(i) for i in range(kinds.GetNumberOfValues()))

    def _endings_of(self, path, known=ENDINGS) -> list[str]:
        name = str(path).lower()
        return sorted((ending for ending in known if name.endswith(ending)), key=len, reverse=True)

    def _write(self, node, storage, path: str, properties) -> bool:
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(int(properties["useCompression"]))
        return bool(storage.WriteData(node))

    def _read_scene(self, path: str, properties):
        scene, clear = self._mrml.scene, properties.get("clear", False)
        if path.endswith(".mrb"):
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def _write_scene(self, path: str) -> bool:
        if path.endswith(".mrb"):
            return bool(self._mrml.scene.WriteToMRB(path))
        if path.endswith(".mrml"):
            self._mrml.scene.SetURL(path)
            return bool(self._mrml.scene.Commit(path))
        return bool(self._mrml.application_logic.SaveSceneToSlicerDataBundleDirectory(path, None))

    def _read_volume(self, path: str, properties):
        name = properties.get("name") or Path(path).name.split(".")[0]
        return self._logic("Volumes").AddArchetypeVolume(path, name, int(properties.get("labelmap", False)))

    def _read_text(self, path: str, properties):
        node = self._mrml.scene.AddNewNodeByClass("vtkMRMLTextNode", Path(path).stem)
        node.SetText(Path(path).read_text(encoding="utf-8"))
        return node
