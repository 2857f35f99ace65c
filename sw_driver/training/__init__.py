"""Names of before the rooms; `sw_driver` has what most programs need of training."""

from golden.system.names import moved_names

__getattr__ = moved_names(
    __name__,
    {
        "CompiledTraining": "sw_driver:Compiled",
        "compile_training": "sw_driver:compile",
        "GoldenTrainingDevice": "sw_driver:GoldenDevice",
        "TrainingDevice": "sw_driver:Device",
        "StepResult": "sw_driver.device.device",
        "StreamTrainingDevice": "sw_driver.device.torus_device:TorusDevice",
        "Trained": "sw_driver.train.model_file",
        "train_model": "sw_driver.train.model_file",
    },
)
