"""The whole chain: the run that makes the rows, and the numbers that are taken from them."""
