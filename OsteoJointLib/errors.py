"""The reasons for which OsteoJoint refuses, fails or doubts, and the exceptions that carry them.

A reason code is stable: users filter tables by it. A hard one travels in an exception and ends the run with its
exit code; a soft one travels in a :class:`OsteoJointLib.records.Flag` that the result carries. Every message says what
is wrong, then what to do.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    USAGE = 2
    INPUT_REFUSED = 3
    MODEL_REFUSED = 4
    FAILED = 5
    SOME_NOT_READ = 6
    """Of a batch: its table says which cases were not read, and why."""
    INTERRUPTED = 130
    """By Ctrl-C: 128 and the number of SIGINT, as shells have it."""


class Reason(StrEnum):
    """Every reason code, grouped by the stage that raises it."""

    # input that can't be read
    NOT_FOUND = "not_found"
    UNREADABLE = "unreadable"
    NOT_CT = "not_ct"
    NO_SERIES = "no_series"
    SINGLE_SLICE = "single_slice"
    NOT_HU = "not_hu"
    CONSTANT = "constant"
    UNEVEN_SLICES = "uneven_slices"
    DUPLICATE_SLICES = "duplicate_slices"
    MIXED_ORIENTATION = "mixed_orientation"
    LEFT_HANDED = "left_handed"
    GANTRY_TILT = "gantry_tilt"
    NOT_3D = "not_3d"
    BAD_GEOMETRY = "bad_geometry"
    TOO_LARGE = "too_large"
    # doubts about a readable input
    SEVERAL_SERIES = "several_series"
    FILES_DAMAGED = "files_damaged"
    HU_OFFSET = "hu_offset"
    HU_JUMP = "hu_jump"
    RESCALE_DIFFERS = "rescale_differs"
    THICK_SLICES = "thick_slices"
    CONTRAST = "contrast"
    CONTRAST_UNKNOWN = "contrast_unknown"
    KERNEL_UNKNOWN = "kernel_unknown"
    KERNEL_SHARP = "kernel_sharp"
    KVP_UNKNOWN = "kvp_unknown"
    KVP_OTHER = "kvp_other"
    METAL = "metal"
    TRUNCATED_VIEW = "truncated_view"
    OBLIQUE = "oblique"
    TAGS_REPAIRED = "tags_repaired"
    # what is asked beside the reading
    NO_DICOM_SOURCE = "no_dicom_source"
    NO_PATIENT = "no_patient"
    MASKS_OFF_GRID = "masks_off_grid"
    MASKS_EXCHANGED = "masks_exchanged"
    # levels
    UPSIDE_DOWN = "upside_down"
    NO_SPINE = "no_spine"
    LEVEL_NOT_IN_VIEW = "level_not_in_view"
    LEVELS_UNDECIDED = "levels_undecided"
    LEVELS_UNCERTAIN = "levels_uncertain"
    LEVELS_ASSUMED = "levels_assumed"
    NO_SACRUM_IN_VIEW = "no_sacrum_in_view"
    NO_RIBS_IN_VIEW = "no_ribs_in_view"
    STUB_RIB = "stub_rib"
    TRANSITIONAL_ANATOMY = "transitional_anatomy"
    POINT_OUTSIDE = "point_outside"
    POINTS_ON_ONE_BODY = "points_on_one_body"
    POINTS_DOUBTFUL = "points_doubtful"
    SLICE_MOVED = "slice_moved"
    SLICE_NOT_MID_BODY = "slice_not_mid_body"
    # stages
    BODY_NOT_LOCALIZED = "body_not_localized"
    MASK_EMPTY = "mask_empty"
    MASK_IMPLAUSIBLE = "mask_implausible"
    BODY_CUT = "body_cut"
    FRACTURE_HINT = "fracture_hint"
    BODY_NOT_UNIFORM = "body_not_uniform"
    SLICE_UNLIKE_NEIGHBORS = "slice_unlike_neighbors"
    LEVELS_CONTRADICT = "levels_contradict"
    VERTEBRA_LEFT_OUT = "vertebra_left_out"
    ROI_TOO_SMALL = "roi_too_small"
    NOT_CALIBRATED = "not_calibrated"
    CALIBRATION_NOT_USED = "calibration_not_used"
    NO_RODS = "no_rods"
    CLASS_NOT_RELIABLE = "class_not_reliable"
    CLASS_HELD_BACK = "class_held_back"
    NOT_COMPUTED = "not_computed"
    # model
    WEIGHTS_NOT_FOUND = "weights_not_found"
    WEIGHTS_HASH = "weights_hash"
    WEIGHTS_FORMAT = "weights_format"
    DEVICE_MISSING = "device_missing"
    DEVICE_FAILED = "device_failed"
    DEPENDENCY_MISSING = "dependency_missing"
    # running
    USAGE = "usage"
    OUTPUT_EXISTS = "output_exists"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_KILLED = "worker_killed"
    DISK_FULL = "disk_full"
    NO_CLUSTER = "no_cluster"
    CANCELLED = "cancelled"
    FAILED = "failed"


def _writable(text: str) -> str:
    """Make a text that every file and terminal takes: of a path that is no UTF-8, a sign stands for what is none."""
    return text.encode("utf-8", "replace").decode("utf-8")


class OsteoJointError(Exception):
    """An ending with a reason code, a sentence and an exit code.

    Args:
        reason: the stable code.
        message: what is wrong, then what to do: for whoever gave the input, and may be told its path.
        public: the same as it may stand in a file, without paths and without other programs' words, which may name a
            patient; None where ``message`` has none of these.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, reason: Reason, message: str, public: str | None = None):
        message = _writable(message)
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.public = message if public is None else _writable(public)

    def __reduce__(self) -> tuple[type[OsteoJointError], tuple[Reason, str, str]]:
        """Let it pass from one process to another."""
        return type(self), (self.reason, self.message, self.public)


class UsageError(OsteoJointError):
    """The command was put wrongly."""

    exit_code = ExitCode.USAGE


class InputRefused(OsteoJointError):
    """The input can't be used for a reading."""

    exit_code = ExitCode.INPUT_REFUSED


class ModelRefused(OsteoJointError):
    """The weights or the device can't be used."""

    exit_code = ExitCode.MODEL_REFUSED


class RunFailed(OsteoJointError):
    """The run broke for a reason that lies neither in the input nor in the model."""
