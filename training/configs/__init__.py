"""Experiments: one Python file each, with ``get_config()`` and a docstring that holds command, hardware and result."""
