"""The module's panel, one section a file; :mod:`.panel` puts them together."""
