"""Small data of a user, in every form that commands read."""

import csv

import numpy as np

FEATURES = ("height", "width", "weight")
LAYERS = ("--layer", "3,8,1,3,2", "--layer", "8,2,2,2,1")


def numbers(samples=40, seed=0):
    """Samples [N, 3] of far-off scales, and classes 0 and 1 that a net can tell."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 2
    x = rng.normal(labels[:, None], 0.4, (samples, 3)) * [1, 100, 0.01] + [0, 5000, 3]
    return x, labels


def write_csv(path, x, labels=None, features=FEATURES, label="kind"):
    """Write a table; labels are written as they are."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*features, *([] if labels is None else [label])])
        for number, row in enumerate(x):
            rows.writerow([*map(repr, map(float, row)),
                           *([] if labels is None else [labels[number]])])
    return path


def named(labels):
    """Classes as names, whose order is not that of the numbers."""
    return [("zebra", "ant")[label] for label in labels]
