"""From HU to BMD, with a standard error: by a file, by rods in the scan, by the scan's own tissues."""
