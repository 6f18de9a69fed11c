"""How good it is: measures, and the numbers they give on pairs, level samples and whole phantoms."""
