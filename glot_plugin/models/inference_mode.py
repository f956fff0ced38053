"""How a track is predicted: as published, with a third of the windows, in bfloat16, or both."""

from dataclasses import dataclass

from glot_plugin.errors import InputError

MODES = ('exact', 'fast', 'bf16', 'fast+bf16')


@dataclass(frozen=True)
class InferenceMode:
    """What an inference mode changes; its name is one of `MODES`.

    Attributes:
        fast: Predict several frames a window (three as published) instead of one, and cross-fade from window to window.
        bf16: Calculate in bfloat16. Rotations, shape and camera are float32 all the same.
    """

    fast: bool = False
    bf16: bool = False

    @classmethod
    def of(cls, mode: 'str | InferenceMode') -> 'InferenceMode':
        """The mode of a name.

        Raises:
            InputError: The name is unknown.
        """
        if isinstance(mode, InferenceMode):
            return mode
        words = mode.split('+') if isinstance(mode, str) else []
        if not words or (words != ['exact'] and not {'fast', 'bf16'}.issuperset(words)):
            raise InputError(f'inference mode {mode!r}: expected one of {", ".join(MODES)}')
        return cls('fast' in words, 'bf16' in words)

    def __str__(self) -> str:
        return '+'.join(name for name in ('fast', 'bf16') if getattr(self, name)) or 'exact'
