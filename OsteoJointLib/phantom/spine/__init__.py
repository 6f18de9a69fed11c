"""The spine: vertebrae, discs and sacrum in their column, the pelvis, and what disease and surgery left there."""
