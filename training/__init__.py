"""The multitask training of Zhang et al. 2023 on phantoms, and the evaluation of the shipped weights.

Run it as ``python -m training``; see :mod:`training.__main__` for the commands.
"""
