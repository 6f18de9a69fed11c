"""Solids as signed distances, put together, and the scene that holds them."""
