"""Makes PySide6 behave like PythonQt, which is what `qt` is inside Slicer, and rather stricter than kinder.

Patched in place, so that ``type(widget) == qt.QCheckBox`` holds as in Slicer:

- a Qt property is an attribute: ``w.text`` reads, ``w.text = "x"`` writes, ``w.text()`` raises TypeError;
- a new attribute on a Qt object raises AttributeError, as do numpy scalars and wrong types;
- ``w.connect("clicked(bool)", f)`` and ``w.disconnect("clicked(bool)", f)``; ``f`` is held, gets as many arguments as
  its code names, and what it raises goes to the log; a signature that the object hasn't raises ValueError;
- ``w.clicked.connect(f)`` works, ``w.clicked.emit()`` doesn't, ``w.clicked()`` emits;
- getters called ``isX`` of a property ``x`` are refused: PythonQt's wrappers don't have all of them.

Not shown here: keyword arguments to Qt methods and scoped enums (``Qt.AlignmentFlag.AlignLeft``) work in PySide6 and
fail in PythonQt; ``sizeHint`` and ``minimumSizeHint`` stay methods (C++ would recurse); a destroyed object raises
RuntimeError here and ValueError there.
"""

from __future__ import annotations

import ctypes
import inspect
import sys
from collections.abc import Callable
from types import FunctionType, MethodDescriptorType, MethodType
from typing import Any

import numpy as np
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from osteojoint_host.errors import LOG

VIRTUAL_GETTERS = {"sizeHint", "minimumSizeHint"}
NUMBER_SETTERS = ("setValue", "setRange", "setMinimum", "setMaximum", "setChecked", "setEnabled", "setCurrentIndex")
FORWARDERS: tuple[Callable[[Callable], Callable], ...] = (
    lambda call: lambda: call(),
    lambda call: lambda a: call(a),
    lambda call: lambda a, b: call(a, b),
    lambda call: lambda a, b, c: call(a, b, c),
    lambda call: lambda a, b, c, d: call(a, b, c, d),
)
"""PySide6 chooses an overload by the arity of the slot: one function of fixed arity for each."""

HELD: dict[int, list[Any]] = {}
"""Every connected slot by the id of its sender, until that is destroyed or the slot disconnected.

PythonQt holds them in C++, where Python's garbage collection doesn't see them: an object that owns its sender, and
connects one of its own methods to it, is never let go unless it disconnects.
"""

_get = QtCore.QObject.__getattribute__
_property, _set_property = QtCore.QObject.property, QtCore.QObject.setProperty


def plain(value: Any) -> Any:
    """Return ``value``, or refuse it where PythonQt has no conversion: numpy's scalars that aren't Python numbers."""
    if isinstance(value, np.generic) and not isinstance(value, int | float | str):
        raise TypeError(f"PythonQt converts no {type(value).__name__}: write int(x), float(x) or bool(x).")
    return value


def is_method(value: Any) -> bool:
    """Say whether ``value``, taken from a class, is called with an object; QApplication has static ones."""
    return isinstance(value, FunctionType | MethodDescriptorType)


class PropertyAttribute:
    """One Qt property of a class, as an attribute of its objects; the class itself still gives the getter."""

    def __init__(self, name: str, owner: type):
        capital = name[0].upper() + name[1:]
        self.name = name
        self.original = getattr(owner, name, None)
        getters = (self.original, *(getattr(owner, prefix + capital, None) for prefix in ("is", "has")))
        self._getter = next(filter(is_method, getters), None)
        setter = getattr(owner, "set" + capital, None)
        self._setter = setter if is_method(setter) else None

    def __get__(self, instance, owner=None):
        if instance is None:
            if self.original is None:
                raise AttributeError(f"type object '{owner.__name__}' has no attribute '{self.name}'")
            return self.original
        value = self._getter(instance) if self._getter else _property(instance, self.name)
        return tuple(value) if isinstance(value, list) else value

    def __set__(self, instance, value):
        value = plain(value)
        if isinstance(value, int) and not isinstance(value, bool):
            current = self.__get__(instance)
            if hasattr(type(current), "__members__"):  # PythonQt's enums are integers
                value = type(current)(value)
        if self._setter is not None:
            self._setter(instance, value)
        elif not _set_property(instance, self.name, value):
            raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} object is not writable")


class HiddenGetter:
    """``isX`` of a property ``x``: only for C++ and for this host."""

    def __init__(self, original: Callable, property_name: str):
        self.original, self.property_name = original, property_name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self.original
        raise AttributeError(f"Write w.{self.property_name}: not every PythonQt has w.is…() of a property.")


class SignalFunction:
    """A signal as PythonQt gives it: ``w.clicked.connect(f)``, emitted by calling it."""

    def __init__(self, instance, name: str, signal: QtCore.SignalInstance):
        self._instance, self._name, self._signal = instance, name, signal

    def _signature(self) -> str:
        meta = self._instance.metaObject()
        methods = [meta.method(i) for i in range(meta.methodCount())]
        found = [
            m for m in methods if bytes(m.name()).decode() == self._name and m.methodType() == QtCore.QMetaMethod.Signal
        ]
        return bytes(max(found, key=lambda m: m.parameterCount()).methodSignature()).decode()

    def connect(self, slot: Callable) -> bool:
        """Connect the signal's fullest overload."""
        return connect(self._instance, self._signature(), slot)

    def disconnect(self, slot: Callable) -> bool:
        """Undo :meth:`connect`."""
        return disconnect(self._instance, self._signature(), slot)

    def __call__(self, *arguments):
        _get(self._instance, "emit")(QtCore.SIGNAL(self._signature()), *arguments)


def accepted_arguments(slot: Callable) -> int | None:
    """Return how many arguments PythonQt hands to ``slot``: as many as its code names; None for all of them."""
    function = slot.__func__ if isinstance(slot, MethodType) else slot
    if not isinstance(function, FunctionType) or function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - isinstance(slot, MethodType)


def checked_signature(instance, signal: str) -> str:
    """Return the normalized signature of one of the object's signals.

    Raises:
        ValueError: the object has no such signal. PythonQt prints a line and connects nothing.
    """
    aliases = getattr(type(instance), "SIGNALS", {})
    normal = QtCore.QMetaObject.normalizedSignature(signal)
    normal = normal if isinstance(normal, str) else bytes(normal).decode()
    normal = aliases.get(normal, normal)
    if instance.metaObject().indexOfSignal(normal) < 0:
        raise ValueError(f"{type(instance).__name__} has no signal {signal!r}")
    return normal


def connect(instance, signal: str, slot: Callable) -> bool:
    """Connect a signal, named by its C++ signature, to a callable."""
    if not callable(slot):
        raise TypeError(f"Expected a callable, came {slot!r}")
    signature = checked_signature(instance, signal)
    inside = signature[signature.index("(") + 1 : -1]
    count = inside.count(",") + 1 if inside else 0
    accepted = accepted_arguments(slot)

    held = [slot]

    def call(*arguments):
        if held:
            LOG.guard(held[0], *arguments[:accepted])

    _held_by(instance).append((signature, held))
    return bool(_get(instance, "connect")(instance, QtCore.SIGNAL(signature), FORWARDERS[count](call)))


def _held_by(instance) -> list[Any]:
    key = id(instance)
    if key not in HELD:
        _get(instance, "connect")(instance, QtCore.SIGNAL("destroyed()"), lambda: HELD.pop(key, None))
    return HELD.setdefault(key, [])


def disconnect(instance, signal: str, slot: Callable) -> bool:
    """Undo one :func:`connect`; return whether there was one.

    Qt's own connection stays, with nothing to call: PySide6's disconnect of a function now and then waits for ever.
    """
    signature = checked_signature(instance, signal)
    slots = HELD.get(id(instance), [])
    for entry in slots:
        if entry[0] == signature and entry[1][0] == slot:
            slots.remove(entry)
            entry[1].clear()
            return True
    return False


def _attribute_of(original: Callable) -> Callable:
    """Return ``__getattribute__`` of a class whose own is ``original``: QIODevice's, for one, isn't QObject's."""

    def attribute(self, name):
        value = original(self, name)
        if name in ("connect", "disconnect"):
            ours = connect if name == "connect" else disconnect

            def choose(*arguments):
                # PySide6 itself calls source.connect(source, "2signal()", slot)
                return value(*arguments) if isinstance(arguments[0], QtCore.QObject) else ours(self, *arguments)

            return choose
        return SignalFunction(self, name, value) if isinstance(value, QtCore.SignalInstance) else value

    return attribute


def _set_attribute(self, name, value):
    owner = type(self)
    known = inspect.getattr_static(owner, name, None)
    native = owner.__module__.startswith("PySide6") or hasattr(owner, "STANDS_IN")
    if isinstance(known, QtCore.Property):
        known.fset(self, plain(value))
    elif hasattr(type(known), "__set__"):
        known.__set__(self, plain(value))
    elif not native or name.startswith("_"):
        self.__dict__[name] = value
    elif known is None and _property(self, name) is not None:
        _set_property(self, name, value)
    elif not (isinstance(value, QtCore.QObject) and value.objectName == name):  # PySide6's QUiLoader does that
        raise AttributeError(f"'{name}' is no property of {owner.__name__}: PythonQt refuses new attributes.")


def _number_setter(original: Callable) -> Callable:
    def setter(self, *arguments):
        return original(self, *(plain(argument) for argument in arguments))

    return setter


def _patch_class(owner: type) -> None:
    if "__getattribute__" in vars(owner):
        owner.__getattribute__ = _attribute_of(vars(owner)["__getattribute__"])
    owner.__setattr__ = _set_attribute  # each class has its own, none inherits it
    meta = owner.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        name = meta.property(index).name()
        if name in VIRTUAL_GETTERS:
            continue
        getter = "is" + name[0].upper() + name[1:]
        attribute = PropertyAttribute(name, owner)
        if callable(getattr(owner, getter, None)):
            setattr(owner, getter, HiddenGetter(getattr(owner, getter), name))
        setattr(owner, name, attribute)
    for name in NUMBER_SETTERS:
        if name in vars(owner):
            setattr(owner, name, _number_setter(vars(owner)[name]))


def keep_constants() -> None:
    """Make None, True and False immortal, as they are from Python 3.12 on.

    PySide6 6.12 relies on that: on an older Python each call that returns nothing takes a reference to None away.
    """
    if sys.version_info < (3, 12):
        for value in (None, True, False, NotImplemented, Ellipsis):
            ctypes.c_ssize_t.from_address(id(value)).value += 1 << 40


def patch() -> None:
    """Change PySide6's classes for good, in this process."""
    keep_constants()
    for module in (QtCore, QtGui, QtWidgets, QtUiTools):
        for name in dir(module):  # not vars(): PySide6 makes its classes when they are first asked for
            owner = getattr(module, name)
            if isinstance(owner, type) and issubclass(owner, QtCore.QObject) and owner.__module__ == module.__name__:
                _patch_class(owner)
    QtCore.QObject.name = property(lambda self: self.objectName, lambda self, value: self.setObjectName(value))
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = lambda self: self.deleteLater()
