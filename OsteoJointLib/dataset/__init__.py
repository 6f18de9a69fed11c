"""Datasets of labeled CTs on disk, by one manifest."""
