"""People in a clip: from frames to boxes, tracks, features and bodies, and the result on disk."""

from glot_plugin.video.result import PersonTrack, VideoResult, read_result, write_result

__all__ = ['PersonTrack', 'VideoResult', 'read_result', 'write_result']
