"""Small datasets as files of MNIST's format, whole or altered."""

import gzip

import numpy as np

NAMES = {
    "train-images-idx3-ubyte": (6, 2, 3),
    "train-labels-idx1-ubyte": (6,),
    "t10k-images-idx3-ubyte": (4, 2, 3),
    "t10k-labels-idx1-ubyte": (4,),
}


def idx_bytes(items):
    header = bytes([0, 0, 8, items.ndim]) + b"".join(n.to_bytes(4, "big") for n in items.shape)
    return header + items.tobytes()


def write_files(directory, pack=False, dots=False, **changes):
    """Write a small dataset; `changes` maps a part of a file's name to other contents."""
    rng = np.random.default_rng(0)
    for name, size in NAMES.items():
        top = 3 if len(size) == 1 else 256
        content = idx_bytes(rng.integers(0, top, size, dtype=np.uint8))
        for part, other in changes.items():
            if part.replace("_", "-") in name:
                content = other(content)
        if content is not None:
            name = name.replace("-idx", ".idx") if dots else name
            path = directory / (f"{name}.gz" if pack else name)
            path.write_bytes(gzip.compress(content) if pack else content)
    return directory
