"""Old names of modules work for one more release, and say where their names are now."""

import importlib
import re

import pytest

OLD = (
    ("sw_driver", "compile_training"),
    ("sw_driver", "CompiledTraining"),
    ("sw_driver", "GoldenTrainingDevice"),
    ("sw_driver", "TrainingDevice"),
    ("sw_driver.serial", "SerialTrainingDevice"),
    ("sim.device", "ComparedTrainingDevice"),
    ("sim.device", "SimTrainingDevice"),
    ("sw_driver.training", "compile_training"),
    ("sw_driver.training", "GoldenTrainingDevice"),
    ("sw_driver.training", "StepResult"),
    ("sw_driver.training", "train_model"),
    ("sw_driver.training.torch_module", "TorusModule"),
    ("sw_driver.training.cycles", "predict_training"),
    ("sw_driver.artifact", "load_artifact"),
    ("sim.training_device", "SimTrainingDevice"),
    ("sim.host_lines", "lines_of_beats"),
)


@pytest.mark.parametrize(("module", "name"), OLD)
def test_an_old_name_warns_and_is_the_new_one(module, name):
    with pytest.warns(DeprecationWarning, match=re.escape(f"{module}.{name} is now ")) as seen:
        found = getattr(importlib.import_module(module), name)
    home, _, now = str(seen[0].message).split(" is now ")[1].split(",")[0].rpartition(".")
    assert found is getattr(importlib.import_module(home), now)
    assert seen[0].filename == __file__


def test_what_never_was_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sim.host_lines' has no attribute 'nothing'"):
        getattr(importlib.import_module("sim.host_lines"), "nothing")  # noqa: B009
