"""Two short clips with people, for the demonstration and the tests."""

from pathlib import Path

SINGLE_PERSON, MULTI_PERSON = (Path(__file__).parent / f'{name}_person.mp4' for name in ('single', 'multi'))
