"""OsteoJoint: bone status from CT, for research only.

From a CT to masks and numbers::

    from OsteoJointLib import load_reader, read_ct

    result = load_reader().read(read_ct("ct.nrrd"))
    result.classification.status, result.l1.measurement.hu_mean, result.label_map

The names below come from their modules when they are first asked for, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from OsteoJointLib.errors import OsteoJointError as OsteoJointError
    from OsteoJointLib.io.ct_input import read_ct as read_ct
    from OsteoJointLib.output.case_folder import deliver_case as deliver_case
    from OsteoJointLib.pipeline.config_file import read_config as read_config
    from OsteoJointLib.pipeline.loading import load_reader as load_reader
    from OsteoJointLib.pipeline.settings import PipelineConfig as PipelineConfig
    from OsteoJointLib.pipeline.settings import ReadOptions as ReadOptions
    from OsteoJointLib.records import Level as Level

__version__ = "0.1.0"

_HOMES = {
    "Level": "records",
    "OsteoJointError": "errors",
    "PipelineConfig": "pipeline.settings",
    "ReadOptions": "pipeline.settings",
    "deliver_case": "output.case_folder",
    "load_reader": "pipeline.loading",
    "read_config": "pipeline.config_file",
    "read_ct": "io.ct_input",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (they are strings)


def __getattr__(name: str) -> Any:
    """Fetch a name of :data:`__all__` from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
