"""A name of before the rooms: `sw_driver.predict.training_cycles` has what was here."""

from golden.system.names import moved_names

__getattr__ = moved_names(
    __name__,
    {
        "predict_training": "sw_driver.predict.training_cycles",
        "predict_training_steady": "sw_driver.predict.training_cycles",
    },
)
