"""OsteoJoint: bone status from CT, for research only."""

__version__ = "0.1.0"
