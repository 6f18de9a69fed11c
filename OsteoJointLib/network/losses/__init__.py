"""The six terms of Eq. 19, one a file, and their learned weights."""
