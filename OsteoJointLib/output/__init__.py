"""What a case leaves behind: result.json, the segmentation, the report, the overview picture and the table's row."""
