"""Patches that are applied when their module is imported.

A patch belongs to one module and runs right after that module's own code, whoever imports it; a preparation runs right
before. mmhuman3d's converters, for one, are imported late or never, and importing them early would cost their
dependencies.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Patch = Callable[[ModuleType], None]
Preparation = Callable[[], None]


class PatchingFinder(MetaPathFinder):
    """Finds a module as the other finders do, and runs what is registered for it before and after its code."""

    def __init__(self) -> None:
        self.before: dict[str, Preparation] = {}
        self.after: dict[str, Patch] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        prepare, patch = self.before.get(fullname), self.after.get(fullname)
        spec = self._other_spec(fullname, path, target) if prepare or patch else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_patched(module: ModuleType) -> None:
            if prepare:
                prepare()
            execute(module)
            if patch:
                patch(module)

        # Patch only this loader object, which belongs to this one module: its type, source and resources stay as they
        # are.
        spec.loader.exec_module = execute_patched
        return spec

    def _other_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, 'find_spec'):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None


_FINDER = PatchingFinder()


def patch_when_imported(name: str, patch: Patch) -> None:
    """Run `patch(module)` right after the module `name` is imported, or now if it already is; once per module."""
    if name in _FINDER.after:
        return
    _FINDER.after[name] = patch
    _install_finder()
    if name in sys.modules:
        patch(sys.modules[name])


def prepare_before_import(name: str, prepare: Preparation) -> None:
    """Run `prepare()` right before the module `name` is imported; once per module."""
    _FINDER.before.setdefault(name, prepare)
    _install_finder()


def _install_finder() -> None:
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class ModuleView(ModuleType):
    """A module with some names replaced, to put in place of `np` or `torch` in one other module's namespace.

    Args:
        module: The module seen through the view; it is not changed.
        replaced: Names that the view provides itself.
    """

    def __init__(self, module: ModuleType, **replaced: object) -> None:
        super().__init__(module.__name__, module.__doc__)
        self.__dict__.update(replaced, _module=module)

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__['_module'], name)
