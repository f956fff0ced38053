"""What a stream remembers between two calls, and whether what is given to it can be that."""

from collections.abc import Sequence

import torch

from glot_plugin.errors import InputError

STATE_FORMAT = 'glot_plugin.stream/1'
PersonId = int | str


def check_ids(ids: Sequence[PersonId], count: int) -> None:
    """Raise an `InputError` unless ids are `count` different numbers or texts."""
    wrong = [person for person in ids if isinstance(person, bool) or not isinstance(person, PersonId)]
    if wrong:
        raise InputError(f'ids: {wrong[0]!r} is a {type(wrong[0]).__name__}, expected whole numbers or texts')
    if len(ids) != count:
        raise InputError(f'{len(ids)} ids for the features of {count} people; expected one each')
    twice = [person for index, person in enumerate(ids) if person in ids[:index]]
    if twice:
        raise InputError(f'ids: {twice[0]!r} is there twice, expected each person once')


def check_state(state: dict, expected: dict) -> None:
    """Raise an `InputError` unless a state is that of a stream with these settings."""
    if not isinstance(state, dict) or state.get('format') != STATE_FORMAT:
        raise InputError(f'not the state of a TrackStream, which has {STATE_FORMAT} for its format')
    for name in ('latency', 'early', 'num_frames'):
        if state.get(name) != expected[name]:
            raise InputError(f'the state of a stream with {name}={state.get(name)!r}; this one has {expected[name]!r}')
    ids, frames = state.get('ids'), state.get('frames')
    shape = (len(ids) if isinstance(ids, list) else None, expected['num_frames'], expected['width'])
    if not isinstance(frames, torch.Tensor) or tuple(frames.shape) != shape or not torch.isfinite(frames).all():
        found = tuple(frames.shape) if isinstance(frames, torch.Tensor) else type(frames).__name__
        raise InputError(
            f'frames of the state are {found}, expected finite numbers {shape}: the state of another model'
        )
    check_ids(ids, len(ids))
    counts = [state.get(name) for name in ('waiting', 'missing')]
    if any(not isinstance(entries, list) or len(entries) != len(ids) for entries in counts):
        raise InputError(f'the state is damaged: it does not say what is waiting of each of {len(ids)} people')
    if any(len(waiting) > expected['latency'] for waiting in state['waiting']) or not isinstance(state['pushes'], int):
        raise InputError('the state is damaged: more frames are waiting than the latency allows')
