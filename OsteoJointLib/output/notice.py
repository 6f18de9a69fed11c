"""The research-only notice, written once; every screen, report and file that shows a class carries it."""

from __future__ import annotations

RESEARCH_NOTICE = (
    "Research only: OsteoJoint is not a medical device. Its output has not been validated for clinical use and must "
    "not be used to diagnose, treat or screen patients."
)
"""The full notice, for reports and files."""

RESEARCH_NOTICE_SHORT = "Research only, not a medical device"
"""The same in a few words, for pictures, terminals and table rows."""
