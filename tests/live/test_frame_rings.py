import torch

from glot_plugin.live.frame_rings import FrameRings


def test_the_newest_frames_in_order():
    rings = FrameRings(3, 1)
    (row,) = rings.add(torch.tensor([[0.0]]))
    seen = []
    for value in range(5):
        seen.append(rings.windows([row])[0, :, 0].tolist())
        rings.append([row], torch.tensor([[value + 1.0]]))
    assert seen == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert rings.newest([row]).tolist() == [[5]]
    assert rings.windows([row], torch.tensor([1, 2, 2]))[0, :, 0].tolist() == [4, 5, 5]


def test_rows_are_used_again():
    rings = FrameRings(2, 1)
    first = rings.add(torch.tensor([[1.0], [2.0], [3.0]]))
    assert len(set(first)) == 3
    rings.append(first[1:], torch.tensor([[20.0], [30.0]]))
    assert rings.windows(first)[..., 0].tolist() == [[1, 1], [2, 20], [3, 30]]
    rings.remove([first[1]])
    (again,) = rings.add(torch.tensor([[4.0]]))
    assert again == first[1]
    assert rings.windows([first[0], again, first[2]])[..., 0].tolist() == [[1, 1], [4, 4], [3, 30]]
    assert rings.windows([]).shape == (0, 2, 1)
