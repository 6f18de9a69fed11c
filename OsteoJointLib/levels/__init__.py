"""L1 and L2 in a whole CT: resampling, inference, bodies, ribs, assignment; or the user's own points."""
