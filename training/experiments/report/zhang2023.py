"""What the paper prints: Tables 1 to 3 and the numbers of its text, as they stand there.

Of each class accuracy, sensitivity, specificity and F1, the class against the others. The accuracy over three classes
is printed only now and then, but follows: a case that is wrong is wrong for two of the three classes, so that it is
1 - sum(1 - accuracy) / 2. For the joint framework that gives .930 (printed: 93.3 %), without modules .820 (82.1 %).
"""

from __future__ import annotations

from collections.abc import Mapping

ClassRow = tuple[float, float, float, float]
"""Accuracy, sensitivity, specificity, F1."""
Rows = tuple[ClassRow, ClassRow, ClassRow]
"""Of normal, osteopenia, osteoporosis."""

MEASURES = ("accuracy", "sensitivity", "specificity", "f1")

LEARNING_RATES: Mapping[str, Rows] = {
    "0.1": ((0.876, 0.910, 0.813, 0.862), (0.816, 0.818, 0.810, 0.865), (0.935, 0.951, 0.823, 0.963)),
    "0.01": ((0.936, 0.955, 0.923, 0.925), (0.898, 0.905, 0.880, 0.927), (0.962, 0.983, 0.829, 0.978)),
    "0.001": ((0.971, 0.964, 0.976, 0.964), (0.933, 0.970, 0.836, 0.954), (0.957, 0.962, 0.922, 0.975)),
    "0.0001": ((0.880, 0.964, 0.825, 0.866), (0.811, 0.848, 0.716, 0.866), (0.921, 0.921, 0.922, 0.953)),
    "1e-05": ((0.900, 0.941, 0.873, 0.882), (0.864, 0.868, 0.853, 0.902), (0.964, 0.981, 0.843, 0.980)),
}
JOINT = LEARNING_RATES["0.001"]
BASELINES: Mapping[str, Rows] = {
    "AlexNet": ((0.868, 0.785, 0.785, 0.878), (0.799, 0.793, 0.793, 0.687), (0.931, 0.882, 0.882, 0.756)),
    "VGG-19": ((0.856, 0.994, 0.765, 0.847), (0.756, 0.795, 0.655, 0.825), (0.900, 0.894, 0.941, 0.939)),
    "GoogLeNet": ((0.899, 0.976, 0.849, 0.886), (0.811, 0.871, 0.655, 0.869), (0.911, 0.902, 0.980, 0.947)),
    "ResNet-50": ((0.911, 0.874, 0.936, 0.888), (0.868, 0.894, 0.802, 0.907), (0.956, 0.995, 0.986, 0.976)),
    "ResNet-101": ((0.938, 0.958, 0.924, 0.925), (0.871, 0.917, 0.750, 0.911), (0.933, 0.940, 0.882, 0.961)),
    "DenseNet-121": ((0.897, 0.982, 0.840, 0.884), (0.849, 0.841, 0.871, 0.889), (0.952, 0.967, 0.843, 0.972)),
    "ShuffleNet": ((0.926, 0.970, 0.896, 0.913), (0.856, 0.911, 0.716, 0.902), (0.931, 0.924, 0.980, 0.959)),
    "EfficientNet": ((0.926, 0.976, 0.892, 0.913), (0.871, 0.904, 0.784, 0.910), (0.945, 0.943, 0.961, 0.968)),
}
MODULES: Mapping[str, Rows] = {
    "none": ((0.873, 0.743, 0.960, 0.824), (0.825, 0.921, 0.578, 0.884), (0.943, 0.978, 0.686, 0.967)),
    "LF": ((0.907, 0.784, 0.988, 0.870), (0.859, 0.957, 0.603, 0.907), (0.947, 0.970, 0.784, 0.970)),
    "GC": ((0.889, 0.802, 0.948, 0.853), (0.849, 0.921, 0.664, 0.898), (0.959, 0.983, 0.784, 0.977)),
    "FF": ((0.907, 0.892, 0.916, 0.884), (0.854, 0.900, 0.733, 0.899), (0.947, 0.965, 0.824, 0.969)),
    "LF + GC": ((0.904, 0.850, 0.940, 0.877), (0.861, 0.924, 0.698, 0.906), (0.956, 0.972, 0.843, 0.975)),
    "GC + FF": ((0.935, 0.982, 0.904, 0.924), (0.904, 0.901, 0.914, 0.934), (0.964, 0.978, 0.963, 0.979)),
    "LF + FF": ((0.966, 0.946, 0.980, 0.958), (0.928, 0.980, 0.793, 0.952), (0.956, 0.956, 0.961, 0.972)),
    "LF + GC + FF": JOINT,
}
"""The marks of GC + FF and LF + FF are partly lost in the text at hand, and were read by their place; the last row is
Table 1's."""
AUC = (0.973, 0.965, 0.985)
"""Of normal, osteopenia, osteoporosis, Figure 9."""
AP, IOU, IOU_SD, DICE, DICE_SD = 0.95, 0.972, 0.125, 0.983, 0.036
"""Section 4.5.3."""


def overall(rows: Rows) -> float:
    """Compute the accuracy over three classes from those of each against the others.

    >>> round(overall(JOINT), 3), round(overall(MODULES["none"]), 3)
    (0.93, 0.821)
    """
    return 1.0 - sum(1.0 - row[0] for row in rows) / 2.0
