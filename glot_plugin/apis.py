"""The API for scripts and notebooks: load a trained model, predict a track, a stream of frames or a complete video.

from glot_plugin.apis import TrackStream, infer_track, infer_video, init_model

model = init_model('glot_plugin::glot/glot_3dpw.py', 'glot_3dpw.pth')
track = infer_track(model, features)  # (N, 2048)
track.rotmat, track.betas, track.camera, track.joints3d, track.vertices()

quick = infer_track(model, features, mode='fast+bf16')  # docs/speed.md

stream = TrackStream(model)  # docs/live.md
ready = stream.push(frame_features)  # (2048,), or (P, 2048) with ids
ready.ids, ready.frame, ready.bodies.rotmat

result = infer_video(model, 'clip.mp4', 'out')  # also writes out/tracks.npz, overlay.mp4, side.mp4
for person in result.people:
    person.frame, person.rotmat, person.joints3d, person.translation
"""

from glot_plugin.engine.inference import TrackPrediction, infer_track, init_model
from glot_plugin.live.stream import ReadyBodies, TrackStream
from glot_plugin.video.run import infer_video

__all__ = ['ReadyBodies', 'TrackPrediction', 'TrackStream', 'infer_track', 'infer_video', 'init_model']
