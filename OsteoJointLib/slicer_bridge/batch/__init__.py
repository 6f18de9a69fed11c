"""Batches from within Slicer, over volumes of the scene and over folders."""
