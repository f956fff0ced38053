"""Bodies while the frames come in: streams of features, and clips as they are filmed."""

from glot_plugin.live.stream import ReadyBodies, TrackStream

__all__ = ['ReadyBodies', 'TrackStream']
