"""Classes on real CT: what explains a difference from HU alone, and how a CT that can't be read stands in the table."""

import pytest

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.records import BmdEstimate, Classification, Status
from training.evaluation.base_cts import BaseCt
from training.evaluation.case_rows.facts import BaselineFacts
from training.evaluation.chain import real_classes as module
from training.evaluation.chain.baselines import fit_baselines
from training.evaluation.chain.real_classes import RealClass, classes_table, difference_in_words, read_classes


@pytest.fixture(scope="module")
def header(made_up_rows):
    return fit_baselines(made_up_rows(300, seed=1))["hu_header"]


@pytest.mark.parametrize(
    ("network", "by_hu", "facts", "words"),
    [
        (Status.OSTEOPENIA, Status.NORMAL, BaselineFacts(150.0, 120.0, True), "with contrast agent 150 HU mean 1"),
        (Status.OSTEOPENIA, Status.NORMAL, BaselineFacts(150.0, 100.0, False, "none"), "at 100 kVp 150 HU mean 1"),
        (
            Status.NORMAL,
            Status.OSTEOPENIA,
            BaselineFacts(150.0, 120.0, True),
            "neither",
        ),  # it would explain the other way
        (Status.OSTEOPENIA, Status.NORMAL, BaselineFacts(150.0, 120.0, False, "none"), "neither"),
        (Status.OSTEOPENIA, Status.NORMAL, BaselineFacts(150.0), "tube voltage and contrast not known"),
    ],
)
def test_contrast_and_voltage_explain_only_what_goes_their_way(header, network, by_hu, facts, words):
    assert words in difference_in_words(network, by_hu, facts, header)


def test_both_reasons_stand_side_by_side(header):
    said = difference_in_words(Status.OSTEOPOROSIS, Status.NORMAL, BaselineFacts(160.0, 100.0, True), header)
    assert said.startswith("at 100 kVp") and "; with contrast agent" in said and "less" in said


def test_the_table_says_class_interval_and_baselines_side_by_side():
    said = Classification(Status.OSTEOPENIA, (0.1, 0.8, 0.1), 0.5, 0.5, BmdEstimate(100.0, 10.0), indeterminate=True)
    facts = BaselineFacts(151.0, 100.0, True)
    full = RealClass("ct", "automatic", said, facts, Status.NORMAL, Status.OSTEOPENIA, 97.4, "why")
    head, line, refused = classes_table([full, RealClass("bad", "refused: not_ct")]).splitlines()
    assert "BMD (90 %)" in head and "osteopenia 0.80, indeterminate" in line and "100 (84 to 116)" in line
    assert "normal" in line and "osteopenia (97 mg/cm³)" in line and line.endswith("why")
    assert "refused: not_ct" in refused and "–" in refused


def test_a_ct_that_cannot_be_read_says_why(monkeypatch, tmp_path):
    def refuse(path):
        raise InputRefused(Reason.NOT_CT, "This is no CT.")

    monkeypatch.setattr(module, "read_ct", refuse)
    (only,) = read_classes(None, [BaseCt("bad", tmp_path)], {})
    assert (only.name, only.read, only.said) == ("bad", "refused: not_ct", None)
