"""The scanner: where it looks, how a scene becomes voxels, and what blur, noise and metal do to them."""
