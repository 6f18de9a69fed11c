"""Whole vertebral bodies, from the segmenter's answers over all slices to one body per level and its heights."""
