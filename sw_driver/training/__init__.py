"""Names of before the rooms; `sw_driver` has what most programs need of training."""

from golden.system.names import moved_names

__getattr__ = moved_names(
    __name__,
    {
        "CompiledTraining": "sw_driver",
        "compile_training": "sw_driver",
        "GoldenTrainingDevice": "sw_driver",
        "TrainingDevice": "sw_driver",
        "StepResult": "sw_driver.device.training_device",
        "StreamTrainingDevice": "sw_driver.device.stream_device",
        "Trained": "sw_driver.train.model_file",
        "train_model": "sw_driver.train.model_file",
    },
)
