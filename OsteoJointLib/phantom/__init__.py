"""The phantom: a parametric lumbar CT whose levels, boxes, body masks and BMD are known exactly."""
