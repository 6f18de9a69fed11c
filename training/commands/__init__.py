"""What ``python -m training`` offers, in four files: what generates data, what fits, what evaluates, what ships.

Each file has a function ``add_commands`` that declares its commands' options, and one function a command that runs it.
Heavy modules are imported when their command runs, so that help is quick. A new command goes where it belongs, or into
a file of its own that ``training/__main__.py`` names.
"""
