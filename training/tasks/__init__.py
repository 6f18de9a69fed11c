"""The networks that are trained, one a file, each with its config and its losses."""
