"""A name of before the rooms: `sw_driver.train.torch_module` has what was here."""

from golden.system.names import moved_names

__getattr__ = moved_names(
    __name__,
    {
        "TorusModule": "sw_driver.train.torch_module",
    },
)
