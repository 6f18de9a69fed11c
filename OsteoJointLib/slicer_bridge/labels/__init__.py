"""Labeling a folder of CTs, one after the other."""
