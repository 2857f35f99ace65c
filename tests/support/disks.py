"""Disks that are small, for tests of what happens when they are full."""

import contextlib
import os
import shutil
import subprocess

import pytest


@contextlib.contextmanager
def small_disk(path, size):
    """A disk of so many bytes, where this machine lets us make one."""
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
                          capture_output=True, text=True, check=False) if (
        shutil.which("mount") and os.geteuid() == 0) else None
    if done is None or done.returncode:
        pytest.skip("a small disk cannot be mounted here: "
                    f"{done.stderr.strip() if done else 'that needs root and mount'}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
