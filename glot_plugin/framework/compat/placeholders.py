"""Placeholder modules for packages that are absent or do not import.

A placeholder module provides any public name as a class. Such a class can be imported and subclassed, which is all that
mmhuman3d does with renderers and cameras at import time; calling it, or reading an attribute of it, raises an
ImportError that names the package and says how to get it.
"""

import importlib
import sys
from abc import ABCMeta
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn


class PlaceholderType(ABCMeta):
    """The type of placeholder classes (an ABCMeta, as abstract classes may inherit from them)."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith('_'):  # Python, torch and inspect look these up without using the package
            raise AttributeError(f'{cls.__name__} has no attribute {name}')
        _raise_missing(cls._glot_missing)


class Placeholder(metaclass=PlaceholderType):
    """Base of the classes that replace those of a missing package."""

    _glot_missing = ''

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        _raise_missing(cls._glot_missing)


class PlaceholderModule(ModuleType):
    """A module of a missing package.

    Args:
        name: Full name of the module.
        submodules: Names of the modules and packages inside it.
        provided: Names that do exist, and their values.
        missing: The error's text: the package, why it is missing and how to get it.
    """

    def __init__(self, name: str, submodules: Sequence[str], provided: Mapping[str, Any], missing: str) -> None:
        super().__init__(name, f'Placeholder: {missing}')
        self.__spec__ = ModuleSpec(name, loader=None, is_package=True)
        self.__path__ = []
        self.__all__ = sorted(provided)
        self.__dict__.update(provided, _submodules=tuple(submodules), _missing=missing)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(f'the placeholder for {self.__name__} has no attribute {name}')
        if name in self._submodules:
            return sys.modules[f'{self.__name__}.{name}']
        body = {'_glot_missing': f'{self.__name__}.{name}: {self._missing}', '__module__': self.__name__}
        self.__dict__[name] = PlaceholderType(name, (Placeholder,), body)  # kept: the same class at every import
        return self.__dict__[name]


def import_problem(name: str, probe: str) -> str | None:
    """Why the package `name` cannot be used, found by importing its module `probe`; None if it can."""
    try:
        importlib.import_module(probe)
    except ModuleNotFoundError as error:
        reason = 'it is not installed' if error.name == name else f'it does not import ({error})'
    except Exception as error:  # a build for another torch, a missing system library, code too old for this Python
        reason = f'it does not import ({type(error).__name__}: {error})'
    else:
        return None
    for module in [module for module in sys.modules if module == name or module.startswith(f'{name}.')]:
        del sys.modules[module]  # what was imported before the failure
    return reason


def install_placeholder(modules: Mapping[str, Mapping[str, Any]], missing: str) -> None:
    """Put placeholders for the modules of one package in `sys.modules`.

    Args:
        modules: Full module names, the package's own among them, each with the names that it does provide.
        missing: The error's text on use.
    """
    for name, provided in modules.items():
        submodules = [other.rpartition('.')[2] for other in modules if other.rpartition('.')[0] == name]
        sys.modules[name] = PlaceholderModule(name, submodules, provided, missing)


def _raise_missing(message: str) -> NoReturn:
    raise ImportError(message)
