"""What is measured on one case, as rows of plain values: the files here decide about a row."""
