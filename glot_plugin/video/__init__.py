"""People in a clip: from frames to boxes, tracks, features and bodies, and the result on disk."""

from glot_plugin.video.clip import Clip, Frame, open_clip
from glot_plugin.video.people import People, PersonInClip, find_people
from glot_plugin.video.people_files import read_people, write_people
from glot_plugin.video.people_stage import PeopleOptions, people_stage
from glot_plugin.video.result import PersonTrack, VideoResult, read_result, write_result
from glot_plugin.video.tracking import TrackingRules

__all__ = [
    'Clip',
    'Frame',
    'People',
    'PeopleOptions',
    'PersonInClip',
    'PersonTrack',
    'TrackingRules',
    'VideoResult',
    'find_people',
    'open_clip',
    'people_stage',
    'read_people',
    'read_result',
    'write_people',
    'write_result',
]
