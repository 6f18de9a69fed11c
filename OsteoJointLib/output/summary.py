"""A result in three sentences for the person who must act on it: what was read, how sure it is, what to do.

Made from the result's document, so that page, PDF and overview say the same as result.json. The headline has a class's
own color only where nothing speaks against that class; one that is doubtful or not reliable stands in plain ink.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from OsteoJointLib.errors import Reason
from OsteoJointLib.pipeline.doubts import ABOUT_CLASS, NOTES, reliability_reasons
from OsteoJointLib.records import CalibrationKind, LeftOutBy, LeftOutReason, Level, Origin, PointSource

NO_TONE = "doubt"
"""The tone of a headline that no class may color."""

BMD_BY = {
    CalibrationKind.FILE: "the calibration file",
    CalibrationKind.RODS: "the rods in the scan",
    CalibrationKind.INTERNAL: "the scan's own tissues",
    CalibrationKind.NETWORK: "the network's estimate",
}
"""What gives a BMD, in words."""

_SURE = 0.995
"""A probability from here on would be rounded to 100 %, which nothing is."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Summary:
    """What a result says in short.

    Args:
        headline: the class, or why there is none to rely on.
        tone: the class where nothing speaks against it, else :data:`NO_TONE`.
        sentences: what was read, how sure it is, what to do.
    """

    headline: str
    tone: str
    sentences: tuple[str, ...]


def summarize(document: Document) -> Summary:
    """Say a result in short.

    Args:
        document: of the result, as result.json holds it.
    """
    said = document["classification"]
    status, left_out = said["status"], said["left_out"]
    codes = [flag["code"] for flag in document["flags"] if left_out is None or flag["level"] != left_out]
    reasons = reliability_reasons(codes)
    if status is None:
        headline, tone = "No class", NO_TONE
        sure = "No class is given until a person has confirmed them."
        todo = "Check the marks on L1 and L2 below, move them if need be, confirm them, and read again."
    elif Reason.CLASS_NOT_RELIABLE in codes:
        headline, tone = f"Not reliable: {status}", NO_TONE
        sure = f"The class that came out, {status}, is not reliable: {'; '.join(reasons)}."
        todo = "Don't use it until that is cleared up; the list of doubts says what each is about."
    elif said["indeterminate"]:
        headline, tone = f"Indeterminate, likeliest {status}", NO_TONE
        share = _percent(said["probabilities"][status])
        sure = f"The class is indeterminate: {status} is likeliest with {share}, but another is possible."
        todo = "So near to a threshold, only DXA or QCT decides."
    else:
        headline, tone = status.capitalize(), status
        sure = f"The class is {status} with {_percent(said['probabilities'][status])}, and nothing speaks against it."
        todo = "It still is a research result: let DXA or QCT confirm it before anything follows from it."
    if said["left_out_by"] == LeftOutBy.PROPOSAL:
        todo = f"Look at {left_out} below, which was left out by proposal. {todo}"
    more = _more_doubts(codes, named=status is not None)
    sentences = [_what_was_read(document), " ".join([sure, *_beside_class(document)]), f"{todo}{more}"]
    return Summary(headline, tone, tuple(sentences))


def _what_was_read(document: Document) -> str:
    left_out = document["classification"]["left_out"]
    pair = document["input"]["form"] != "volume"
    image = document["input"]["L1"] if pair else document["input"]
    facts = scan_facts(image)
    read = "One slice each of L1 and L2 was read" if pair else "L1 and L2 were read"
    if document["classification"]["status"] is None:
        return f"L1 and L2 were proposed on a CT ({facts}), but their names are in doubt."
    sentence = f"{read} from a CT ({facts}); {_names(document)}."
    if left_out is None:
        return sentence
    other = next(level.value for level in Level if level.value != left_out)
    why = _left_out_why(document["classification"])
    return f"{sentence} {left_out} was left out{why}: the class is that of {other} alone."


def _left_out_why(said: Document) -> str:
    """Say who left a vertebra out, and why."""
    by = {LeftOutBy.USER: " by a user", LeftOutBy.PROPOSAL: " by proposal"}.get(said["left_out_by"], "")
    reason = said["left_out_reason"]
    return f"{by} ({LeftOutReason(reason).words})" if reason else by


def scan_facts(image: Document) -> str:
    """Say tube voltage, kernel and contrast, which of them the header doesn't say, and which aren't known.

    >>> origins = {"kvp_origin": "header", "kernel_origin": "unknown", "contrast_origin": "estimated"}
    >>> scan_facts({"kvp": 120.0, "kernel": None, "contrast": True, "contrast_phase": "portal", **origins})
    '120 kV; with portal contrast (estimated); kernel not known'
    """
    kvp, kernel, contrast = (image[name] for name in ("kvp", "kernel", "contrast"))
    agent = " ".join(filter(None, ["with", image["contrast_phase"], "contrast"])) if contrast else "without contrast"
    known = {
        "tube voltage": ("kvp", None if kvp is None else f"{kvp:g} kV"),
        "kernel": ("kernel", None if kernel is None else f"kernel {kernel}"),
        "contrast": ("contrast", None if contrast is None else agent),
    }
    said = "; ".join(f"{words}{_by(image[f'{name}_origin'])}" for name, words in known.values() if words)
    *others, last = [title for title, (_, words) in known.items() if not words] or [""]
    unknown = f"{' and '.join(filter(None, [', '.join(others), last]))} not known" if last else ""
    return "; ".join(filter(None, [said, unknown]))


def _by(origin: str) -> str:
    """Say where a fact comes from that the header doesn't say."""
    return {Origin.USER: " (as a user says)", Origin.ESTIMATED: " (estimated)"}.get(Origin(origin), "")


def _names(document: Document) -> str:
    """Say how sure the names of the two levels are."""
    levels: Sequence[Document] = [document["levels"][level.value] for level in Level]
    if any(level["source"] == PointSource.ASSUMED for level in levels):
        return "that the upper one is L1 is assumed, not seen"
    found = [level for level in levels if level["source"] == PointSource.AUTO]
    if not found:
        return "a user placed or confirmed both levels"
    return f"the names of the levels are right with {_percent(min(level['confidence'] for level in found))}"


def _beside_class(document: Document) -> list[str]:
    """Say the best BMD there is and the network's, and the plain rule's class where it is another."""
    said, rule, sentences = document["classification"], document["baseline"], []
    if said["status"] is None:
        return []
    if Reason.CLASS_NOT_RELIABLE not in (flag["code"] for flag in document["flags"]):
        best, own = document["bmd"][:1], [one for one in document["bmd"] if one["kind"] == CalibrationKind.NETWORK]
        for one in dict.fromkeys(map(_bmd_sentence, [*best, *own])):
            sentences.append(one)
    if rule is not None and rule["status"] != said["status"]:
        sentences.append(f"The plain HU rule says otherwise: {rule['status']}.")
    return sentences


def _bmd_sentence(bmd: Document) -> str:
    """Say an estimate of BMD with its interval."""
    by, (low, high) = BMD_BY[bmd["kind"]], bmd["interval_90_mg_cm3"]
    said = f"{bmd['mg_cm3']:.0f} mg/cm³, with 90 % probability between {low:.0f} and {high:.0f}."
    own = bmd["kind"] == CalibrationKind.NETWORK
    return f"The network estimates a BMD of {said}" if own else f"By {by} the BMD is {said}"


def _more_doubts(codes: Sequence[str], named: bool) -> str:
    """Say how many doubts stand below beside those that the sentences name, which are those against a class."""
    said = {*NOTES, *ABOUT_CLASS, Reason.LEVELS_UNCERTAIN}
    more = [code for code in codes if code not in said and not (named and reliability_reasons([code]))]
    if not more:
        return ""
    return " One more doubt stands below." if len(more) == 1 else f" There are {len(more)} more doubts below."


def _percent(share: float) -> str:
    """Say a probability, never as certainty.

    >>> _percent(0.625), _percent(0.9996)
    ('62 %', 'more than 99 %')
    """
    return "more than 99 %" if share >= _SURE else f"{100 * share:.0f} %"
