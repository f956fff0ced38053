"""The figure that the synthetic body is built from: joints, cross-sections and landmarks of an adult of 1.72 m.

Our own measurements in round numbers, in SMPL's rest pose: y up, facing +z, the left side at +x, arms stretched out,
palms down. Lengths are metres; heights are measured from the ground, and `GROUND` is where the ground lies in model
coordinates, whose origin is in the chest as in SMPL. Only the left side is written down; `mirror` makes the right one.
"""

import numpy as np

GROUND = -1.17
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)

_CENTRE_JOINTS = {
    0: (0.0, 0.945, -0.005),  # pelvis
    3: (0.0, 1.060, -0.020),  # spine, lowest
    6: (0.0, 1.185, -0.020),
    9: (0.0, 1.245, -0.010),  # spine, highest
    12: (0.0, 1.455, -0.035),  # neck
    15: (0.0, 1.550, -0.005),  # head
}
_LEFT_JOINTS = {
    1: (0.085, 0.875, -0.005),  # hip
    4: (0.094, 0.490, 0.000),  # knee
    7: (0.087, 0.085, -0.022),  # ankle
    10: (0.099, 0.030, 0.095),  # foot
    13: (0.070, 1.370, -0.020),  # collar
    16: (0.178, 1.400, -0.027),  # shoulder
    18: (0.435, 1.395, -0.045),  # elbow
    20: (0.685, 1.400, -0.040),  # wrist
    22: (0.770, 1.398, -0.038),  # hand
}
_RIGHT_OF_LEFT = {1: 2, 4: 5, 7: 8, 10: 11, 13: 14, 16: 17, 18: 19, 20: 21, 22: 23}

# Lofts: one row per station, `position along the axis, the two centres, the two half-widths`.
TORSO = np.array(  # along y: x centre, z centre, half-width in x, half-depth in z
    [
        (0.845, 0.0, -0.012, 0.085, 0.055),
        (0.880, 0.0, -0.010, 0.145, 0.090),
        (0.930, 0.0, -0.010, 0.164, 0.104),
        (1.000, 0.0, -0.005, 0.156, 0.102),
        (1.080, 0.0, -0.004, 0.141, 0.096),
        (1.180, 0.0, -0.006, 0.144, 0.100),
        (1.280, 0.0, -0.008, 0.156, 0.108),
        (1.350, 0.0, -0.014, 0.160, 0.100),
        (1.410, 0.0, -0.024, 0.128, 0.078),
        (1.450, 0.0, -0.034, 0.075, 0.064),
        (1.500, 0.0, -0.030, 0.056, 0.058),
        (1.570, 0.0, -0.012, 0.053, 0.056),
    ]
)
LEG = np.array(  # along y: x centre, z centre, half-width in x, half-depth in z
    [
        (0.060, 0.086, -0.022, 0.030, 0.036),
        (0.120, 0.087, -0.022, 0.031, 0.036),
        (0.220, 0.091, -0.021, 0.040, 0.045),
        (0.330, 0.096, -0.018, 0.053, 0.060),
        (0.400, 0.096, -0.012, 0.051, 0.056),
        (0.470, 0.094, 0.000, 0.048, 0.053),
        (0.530, 0.095, 0.004, 0.054, 0.060),
        (0.620, 0.096, 0.003, 0.066, 0.071),
        (0.720, 0.095, 0.000, 0.076, 0.082),
        (0.810, 0.092, -0.002, 0.083, 0.090),
        (0.900, 0.088, -0.005, 0.085, 0.094),
        (0.960, 0.080, -0.005, 0.070, 0.080),
    ]
)
FOOT = np.array(  # along z: x centre, height of the centre, half-width in x, half-height
    [
        (-0.056, 0.086, 0.034, 0.025, 0.028),
        (-0.020, 0.087, 0.046, 0.031, 0.044),
        (0.030, 0.091, 0.040, 0.034, 0.038),
        (0.080, 0.098, 0.031, 0.040, 0.029),
        (0.120, 0.102, 0.024, 0.044, 0.022),
        (0.160, 0.103, 0.019, 0.038, 0.017),
    ]
)
ARM = np.array(  # along x: height of the centre, z centre, half-height, half-depth in z
    [
        (0.150, 1.398, -0.024, 0.056, 0.056),
        (0.200, 1.398, -0.027, 0.055, 0.056),
        (0.270, 1.396, -0.033, 0.047, 0.050),
        (0.360, 1.394, -0.040, 0.041, 0.044),
        (0.435, 1.395, -0.045, 0.037, 0.039),
        (0.490, 1.396, -0.044, 0.038, 0.042),
        (0.570, 1.398, -0.042, 0.033, 0.037),
        (0.640, 1.400, -0.040, 0.026, 0.030),
        (0.690, 1.400, -0.040, 0.021, 0.027),
    ]
)
PALM = np.array(  # along x: height of the centre, z centre, half-height, half-depth in z
    [
        (0.675, 1.400, -0.040, 0.020, 0.026),
        (0.710, 1.400, -0.038, 0.017, 0.033),
        (0.745, 1.398, -0.037, 0.015, 0.040),
        (0.775, 1.397, -0.038, 0.013, 0.041),
    ]
)
FINGERS = {  # base, tip, radius at the base, radius at the tip
    'thumb': ((0.705, 1.394, -0.015), (0.765, 1.384, 0.038), 0.0125, 0.0090),
    'index': ((0.775, 1.397, -0.008), (0.855, 1.394, 0.014), 0.0100, 0.0078),
    'middle': ((0.780, 1.397, -0.027), (0.870, 1.394, -0.020), 0.0100, 0.0080),
    'ring': ((0.778, 1.397, -0.046), (0.860, 1.394, -0.055), 0.0098, 0.0076),
    'pinky': ((0.770, 1.396, -0.065), (0.832, 1.393, -0.087), 0.0090, 0.0070),
}

SKULL = ((0.0, 1.628, -0.004), (0.074, 0.092, 0.096))  # ellipsoids: centre, semi-axes
FACE = ((0.0, 1.580, 0.030), (0.056, 0.074, 0.062))
CHIN = ((0.0, 1.528, 0.066), (0.024, 0.018, 0.020))
NOSE = ((0.0, 1.628, 0.088), (0.0, 1.590, 0.108), 0.0080, 0.0130)  # a tapered capsule, like the fingers
BROW = ((0.030, 1.640, 0.076), (0.030, 0.012, 0.016))
EAR = ((0.076, 1.604, -0.012), (0.011, 0.030, 0.019))
EYE_SOCKET = ((0.031, 1.620, 0.104), 0.016)
BUTTOCK = ((0.072, 0.890, -0.046), (0.080, 0.100, 0.078))
CHEST = ((0.068, 1.300, 0.050), (0.082, 0.055, 0.056))

_CENTRE_LANDMARKS = {'nose': (0.0, 1.590, 0.121)}
_LEFT_LANDMARKS = {
    'eye': (0.031, 1.620, 0.090),
    'ear': (0.086, 1.604, -0.012),
    'BigToe': (0.086, 0.022, 0.166),
    'SmallToe': (0.140, 0.020, 0.145),
    'Heel': (0.086, 0.030, -0.088),
}

# The joints of the two other regressors, in the row order of their files.
_EXTRA_JOINTS = (
    ('right hip', (-0.092, 0.890, -0.005)),
    ('left hip', (0.092, 0.890, -0.005)),
    ('neck', (0.0, 1.470, -0.022)),
    ('top of head', (0.0, 1.708, -0.004)),
    ('pelvis', (0.0, 0.905, -0.008)),
    ('thorax', (0.0, 1.420, -0.025)),
    ('spine', (0.0, 1.180, -0.012)),
    ('jaw', (0.0, 1.560, 0.060)),
    ('head', (0.0, 1.640, 0.020)),
)
_H36M_CENTRE = {
    0: (0.0, 0.900, -0.006),
    7: (0.0, 1.180, -0.012),
    8: (0.0, 1.440, -0.025),
    9: (0.0, 1.560, 0.060),
    10: (0.0, 1.700, 0.000),
}
# Rows 1-3 are the left leg, 4-6 the right one, as the 14-joint selection of the paper's protocol reads them.
_H36M_LEFT = {
    1: (0.095, 0.890, -0.005),
    2: (0.094, 0.490, 0.000),
    3: (0.087, 0.090, -0.022),
    11: (0.172, 1.398, -0.027),
    12: (0.435, 1.395, -0.045),
    13: (0.685, 1.400, -0.040),
}
_H36M_RIGHT_OF_LEFT = {1: 4, 2: 5, 3: 6, 11: 14, 12: 15, 13: 16}


def mirror(point: tuple[float, float, float]) -> tuple[float, float, float]:
    """The same point (x, y, z) on the other side of the body."""
    return -point[0], point[1], point[2]


def _both_sides(centre: dict, left: dict, right_of_left: dict) -> np.ndarray:
    rows = dict(centre)
    for index, point in left.items():
        rows[index] = point
        rows[right_of_left[index]] = mirror(point)
    return to_model(np.array([rows[i] for i in range(len(rows))]))


def to_model(points: np.ndarray) -> np.ndarray:
    """Points (..., 3) with heights above the ground to model coordinates (..., 3)."""
    return np.asarray(points, dtype=np.float64) + np.array([0.0, GROUND, 0.0])


def rest_joints() -> np.ndarray:
    """The 24 joints of SMPL's tree in model coordinates, (24, 3) metres."""
    return _both_sides(_CENTRE_JOINTS, _LEFT_JOINTS, _RIGHT_OF_LEFT)


def extra_joints() -> np.ndarray:
    """The targets of `J_regressor_extra.npy`: right hip, left hip, neck, … , head; (9, 3) metres."""
    return to_model(np.array([point for _, point in _EXTRA_JOINTS]))


def h36m_joints() -> np.ndarray:
    """The targets of `J_regressor_h36m.npy`, (17, 3) metres."""
    return _both_sides(_H36M_CENTRE, _H36M_LEFT, _H36M_RIGHT_OF_LEFT)


def landmarks() -> dict[str, np.ndarray]:
    """Where the picked vertices lie, by the names of `smplx.vertex_ids`, (3,) metres each."""
    points = dict(_CENTRE_LANDMARKS)
    for name, point in _LEFT_LANDMARKS.items():
        left, right = ('L', 'R') if name[0].isupper() else ('l', 'r')
        points[left + name], points[right + name] = point, mirror(point)
    for name, (base, tip, _, radius) in FINGERS.items():
        direction = np.subtract(tip, base) / np.linalg.norm(np.subtract(tip, base))
        end = tuple(np.add(tip, radius * direction))
        points['l' + name], points['r' + name] = end, mirror(end)
    return {name: to_model(np.array(point)) for name, point in points.items()}
