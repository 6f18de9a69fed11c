"""DICOM files of a reading, for a PACS: segmentation, structured report, and the report's PDF; they need highdicom."""
