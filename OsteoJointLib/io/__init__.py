"""Reading CT from any source, the doubts about it, and writing files whole."""
