"""`slicer.dicomDatabase` and `DICOMLib.DICOMUtils`: DICOM files known by their UIDs, and loaded as Slicer's plugins do.

Left out: the tables and thumbnails, the browser, all plugins but two (a CT as a scalar volume; a segmentation, as the
plugin of dcmqi loads it), studies in the subject hierarchy, tag caching, and removal.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import slicer
import vtk
from PySide6 import QtCore

from osteojoint_host.qt_module import stand_in


@stand_in
class ctkDICOMDatabase(QtCore.QObject):
    """Files by the UIDs of their instance, series and study.

    Args:
        folder: where copied files lie.
    """

    databaseChanged = QtCore.Signal()

    def __init__(self, folder: Path):
        super().__init__()
        self._folder, self._open = Path(folder), True
        self._files = {}

    isOpen = QtCore.Property(bool, lambda self: self._open)
    databaseDirectory = QtCore.Property(str, lambda self: str(self._folder))

    def closeDatabase(self):
        """Close it; what it knows is known again when it is opened."""
        self._open = False

    def initializeDatabase(self):
        """Open it and forget everything."""
        self._open, self._files = True, {}

    def insert(self, filePath, storeFile=True, generateThumbnail=True):
        """Take a file in, or a copy of it."""
        from pydicom import dcmread

        path = Path(_text(filePath))
        header = dcmread(path, stop_before_pixels=True)
        if storeFile:
            copy = self._folder / "dicom" / str(header.SeriesInstanceUID) / str(header.SOPInstanceUID)
            copy.parent.mkdir(parents=True, exist_ok=True)
            path = Path(shutil.copy(path, copy))
        self._files[str(header.SOPInstanceUID)] = path
        self.databaseChanged()

    def instanceValue(self, sopInstanceUID, tag):
        """Read a tag, ``gggg,eeee``; empty where the instance or the tag isn't known."""
        path = self._files.get(_text(sopInstanceUID))
        return "" if path is None else self.fileValue(str(path), tag)

    def fileValue(self, fileName, tag):
        """Read a tag of a file."""
        group, element = (int(part, 16) for part in _text(tag).split(","))
        header = self._header(_text(fileName))
        return "" if (group, element) not in header else _value(header[group, element].value)

    def fileForInstance(self, sopInstanceUID):
        """Return the path of an instance; empty where it isn't known."""
        return str(self._files.get(_text(sopInstanceUID), ""))

    def seriesForFile(self, filePath):
        """Return the series that a file belongs to."""
        known = [path for path in self._files.values() if str(path) == _text(filePath)]
        return str(self._header(known[0]).SeriesInstanceUID) if known else ""

    def filesForSeries(self, seriesUID):
        """List the files of a series."""
        return tuple(str(path) for path in self._files.values() if self.seriesForFile(str(path)) == _text(seriesUID))

    def patients(self):
        """List the patients."""
        return self._each("PatientID")

    def studiesForPatient(self, patient):
        """List the studies of a patient."""
        return self._each("StudyInstanceUID", "PatientID", _text(patient))

    def seriesForStudy(self, studyUID):
        """List the series of a study."""
        return self._each("SeriesInstanceUID", "StudyInstanceUID", _text(studyUID))

    def _each(self, of, where=None, value=None):
        headers = [self._header(path) for path in self._files.values()]
        found = [str(h.get(of, "")) for h in headers if where is None or str(h.get(where, "")) == value]
        return tuple(dict.fromkeys(found))

    def _header(self, path):
        from pydicom import dcmread

        return dcmread(path, stop_before_pixels=True)


def importDicom(dicomDataDir, dicomDatabase=None, copyFiles=False):
    """Take all DICOM files of a folder in; return whether that worked."""
    from pydicom.errors import InvalidDicomError

    for path in sorted(Path(_text(dicomDataDir)).rglob("*")):
        try:
            if path.is_file():
                (dicomDatabase or slicer.dicomDatabase).insert(str(path), bool(copyFiles))
        except InvalidDicomError:
            continue
    return True


def loadSeriesByUID(seriesUIDs):
    """Load series; return the IDs of their nodes."""
    if not isinstance(seriesUIDs, list | tuple):
        raise TypeError("seriesUIDs must be a list")
    return [_load(slicer.dicomDatabase.filesForSeries(uid)).GetID() for uid in seriesUIDs]


def _load(files):
    from pydicom import dcmread

    header = dcmread(files[0], stop_before_pixels=True)
    return _load_segmentation(files[0]) if header.Modality == "SEG" else _load_volume(files)


def _load_volume(files):
    """Load a CT with its slices in the order of their places, and note its instances in that order."""
    from pydicom import dcmread

    images = [dcmread(file) for file in files]
    x, y = (np.array(images[0].ImageOrientationPatient[part], float) for part in (slice(3), slice(3, 6)))
    images.sort(key=lambda image: float(np.dot(np.cross(x, y), image.ImagePositionPatient)))
    first, last = (np.array(image.ImagePositionPatient, float) for image in (images[0], images[-1]))
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = x * images[0].PixelSpacing[1], y * images[0].PixelSpacing[0]
    lps[:3, 2], lps[:3, 3] = (last - first) / (len(images) - 1), first
    values = [image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept) for image in images]
    node = slicer.util.addVolumeFromArray(
        np.stack(values).astype(np.int16), name=str(images[0].get("SeriesNumber", ""))
    )
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps))
    node.SetAttribute("DICOM.instanceUIDs", " ".join(str(image.SOPInstanceUID) for image in images))
    return node


def _load_segmentation(file):
    """Load a segmentation: a segment a DICOM segment, called by its label, coded by its type, on the images' voxels."""
    from highdicom.seg import segread

    data = segread(file)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", str(data.get("SeriesDescription", "")))
    node.CreateDefaultDisplayNodes()
    for number in data.segment_numbers:
        volume = data.get_volume(segment_numbers=[number], rtol=0.1)
        described = data.get_segment_description(number)
        array = np.ascontiguousarray(volume.array[..., 0])
        image = slicer.vtkOrientedImageData()
        image.SetDimensions(*array.shape[::-1])
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = array.ravel() > 0
        kji_to_lps = np.asarray(volume.affine)
        matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ kji_to_lps[:, [2, 1, 0, 3]]
        image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
        segment = slicer.vtkSegment()
        segment.SetName(str(described.segment_label))
        kind = described.segmented_property_type
        segment.SetTag(
            segment.GetTerminologyEntryTagName(),
            f"~~{kind.scheme_designator}^{kind.value}^{kind.meaning}~^^~~^^~^^",
        )
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment)
    return node


@contextmanager
def TemporaryDICOMDatabase(directory=None):
    """Use an empty database for a while."""
    slicer.dicomDatabase.initializeDatabase()
    yield slicer.dicomDatabase
    slicer.dicomDatabase.initializeDatabase()


def start(folder: Path) -> None:
    """Give Slicer an empty database, and make ``DICOMLib`` importable."""
    slicer.dicomDatabase = ctkDICOMDatabase(Path(tempfile.mkdtemp(prefix="dicom-", dir=folder)))
    package, module = ModuleType("DICOMLib"), ModuleType("DICOMLib.DICOMUtils")
    module.importDicom, module.loadSeriesByUID = importDicom, loadSeriesByUID
    module.TemporaryDICOMDatabase = TemporaryDICOMDatabase
    package.DICOMUtils = module
    sys.modules.update({"DICOMLib": package, "DICOMLib.DICOMUtils": module})


def _text(value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"Expected a str, came {value!r}")
    return value


def _value(value) -> str:
    many = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return "\\".join(map(str, value)) if many else str(value)
