"""`slicer.parameterNodeWrapper`, written anew: typed parameters in a parameter node.

As in Slicer, values are written to the node when the wrapper is made, and read once and then cached until the node is
modified. Left out: ``connectGui`` (from 5.8 to 5.12 it leaves an observer behind, so OsteoJoint binds its widgets
itself), paths, lists, tuples, dictionaries, enumerations, unions and parameter packs.
"""

from __future__ import annotations

import dataclasses
import typing
import weakref
from typing import Any

import slicer
import vtk

RESERVED = {"connectGui", "connectParametersToGui", "disconnectGui", "dataType", "isCached", "parameterNode"}
"""Slicer's names that no parameter may have, beside those of :class:`Wrapper`."""


@dataclasses.dataclass
class Default:
    """The value of a parameter that wasn't set."""

    value: Any


@dataclasses.dataclass
class WithinRange:
    """Both ends belong to it."""

    minimum: float
    maximum: float

    def validate(self, value):
        """Raise ValueError for what lies outside."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within [{self.minimum}, {self.maximum}], is {value}")


@dataclasses.dataclass
class Minimum:
    """The lowest value."""

    minimum: float

    def validate(self, value):
        """Raise ValueError for what lies below."""
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


@dataclasses.dataclass
class Maximum:
    """The highest value."""

    maximum: float

    def validate(self, value):
        """Raise ValueError for what lies above."""
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


@dataclasses.dataclass
class Choice:
    """One of several values."""

    choices: list

    def validate(self, value):
        """Raise ValueError for anything else."""
        if value not in self.choices:
            raise ValueError(f"Value must be in {self.choices}, is {value}")


class Parameter:
    """One parameter of one node: how it is written, read and checked."""

    def __init__(self, name: str, kind: type, annotations: list, node):
        self.name, self.kind, self.annotations = name, kind, annotations
        self._node = node
        self._writing = False

    def start(self, default) -> None:
        """Write the default where the node has no value; follow the node from now on."""
        self._default = default
        self._value = self._load()
        me = weakref.ref(self)
        self._tag = self._node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: me()._modified())

    def __del__(self):
        if hasattr(self, "_tag"):
            self._node.RemoveObserver(self._tag)

    def read(self):
        """Return the value as it was when the node was last modified."""
        return self._value

    def write(self, value) -> None:
        """Set the value and tell the node's observers once."""
        self._writing = True
        try:
            with slicer.util.NodeModify(self._node):
                self._store(value)
                self._value = self._load()
        finally:
            self._writing = False

    def _modified(self):
        if not self._writing:
            self._value = self._load()

    def _is_node(self) -> bool:
        return issubclass(self.kind, slicer.vtkMRMLNode)

    def _store(self, value):
        if value is None and not self._is_node():
            raise ValueError("Value must not be None")
        accepted = (int, float) if self.kind is float else self.kind
        if value is not None and not isinstance(value, accepted):
            raise ValueError(f"{self.name}: expected {self.kind.__name__}, came {value!r}")
        for one in self.annotations:
            if hasattr(one, "validate"):
                one.validate(value)
        if self._is_node():
            self._node.SetParameter(self.name, "")
            self._node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            self._node.SetParameter(self.name, str(value))

    def _load(self):
        if not self._node.HasParameter(self.name):  # a closed scene empties its singleton nodes
            self._store(self._default)
        if self._is_node():
            return self._node.GetNodeReference(self.name)
        text = self._node.GetParameter(self.name)
        return text == "True" if self.kind is bool else self.kind(text)


class Wrapper:
    """What the decorator mixes into a class: the methods of every wrapped parameter node."""

    def __init__(self, parameterNode, prefix=None):
        self.parameterNode = parameterNode
        self._parameters = {}
        for name, (kind, checks, default) in self.allParameters.items():
            self._parameters[name] = Parameter((prefix or "") + name, kind, checks, parameterNode)
            self._parameters[name].start(default)

    def getValue(self, name):
        """Return a parameter by name."""
        return self._parameter(name).read()

    def setValue(self, name, value):
        """Set a parameter by name."""
        self._parameter(name).write(value)

    def default(self, name):
        """Return a parameter's default."""
        return Default(self.allParameters[name][2])

    def _parameter(self, name):
        if name not in self._parameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return self._parameters[name]

    def StartModify(self):
        """Put off events."""
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified):
        """Send them."""
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority=0.0):
        """Observe the node."""
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        """Stop observing the node."""
        return self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        """Say that the node was modified."""
        self.parameterNode.Modified()


def _described(owner: type, name: str, hint) -> tuple[type, list, Any]:
    kind, *annotations = typing.get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    if not (isinstance(kind, type) and issubclass(kind, bool | int | float | str | slicer.vtkMRMLNode)):
        raise TypeError(f"Unable to create serializer for {owner} member {name}: the test host knows no {kind}.")
    given = [one.value for one in annotations if isinstance(one, Default)]
    plain = None if issubclass(kind, slicer.vtkMRMLNode) else kind()
    return kind, annotations, getattr(owner, name, given[0] if given else plain)


def parameterNodeWrapper(classtype=None):
    """Turn a class of annotations into a wrapper of parameter nodes, as a decorator."""
    if classtype is None:
        return parameterNodeWrapper
    hints = typing.get_type_hints(classtype, include_extras=True)
    described = {name: _described(classtype, name, hint) for name, hint in hints.items()}
    members = {
        name: property(lambda self, n=name: self.getValue(n), lambda self, value, n=name: self.setValue(n, value))
        for name in described
    }
    for name in described:
        if hasattr(Wrapper, name) or name in RESERVED:
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
    own = {name: value for name, value in vars(classtype).items() if name not in ("__dict__", "__weakref__")}
    made = type(classtype.__name__, (Wrapper,), own | members | {"allParameters": described})
    made._is_parameter_node_wrapper = True
    return made


def isParameterNodeWrapper(classOrObj):
    """Say whether a class or object came out of the decorator."""
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)
