"""Which device the networks run on: chosen once for the computer, and kept in Slicer's settings."""

from __future__ import annotations

import qt

from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings

DEVICE_SETTING = "OsteoJoint/Device"
DEVICES = ("auto", "cuda", "cpu")
"""The devices in the order of the selector; ``cuda`` stands for any ``cuda:N`` too."""


def known_device(device: str) -> str:
    """Return a device as it was set; "auto" where that is none."""
    return device if device.partition(":")[0] in DEVICES else DEVICES[0]


def use_device(settings: WorkerSettings, device: str) -> None:
    """Take a device from now on, and remember it."""
    settings.device = device
    qt.QSettings().setValue(DEVICE_SETTING, device)
