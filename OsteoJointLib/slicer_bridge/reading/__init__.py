"""The reading of one CT in the scene: what is wanted, what is there, and what is asked of the worker."""
