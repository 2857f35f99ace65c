"""A name of before the rooms: `sw_driver` has what was here."""

from golden.system.names import moved_names

__getattr__ = moved_names(
    __name__,
    {
        "Artifact": "sw_driver",
        "load_artifact": "sw_driver",
        "save_artifact": "sw_driver",
    },
)
