"""One colour per person, the same in every picture, page and file."""

# Red, green and blue in [0, 1] (sRGB): far apart in hue, and readable over photographs.
PERSON_COLOURS = (
    (0.45, 0.65, 0.95), (0.95, 0.60, 0.45), (0.55, 0.80, 0.50),
    (0.90, 0.80, 0.40), (0.75, 0.55, 0.90), (0.50, 0.85, 0.85),
)  # fmt: skip


def person_colour(person: int) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1] of a person, by identity."""
    return PERSON_COLOURS[person % len(PERSON_COLOURS)]
