"""Experiments: one Python file each, with ``get_config()`` and a docstring that holds command, hardware and result.

To add one, copy a file; its name is what ``python -m training train --config`` takes.
"""
