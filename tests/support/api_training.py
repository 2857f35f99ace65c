"""What users call for data, losses, words and training, with arguments that are right."""

import dataclasses

import numpy as np
import torch

import golden
from golden import (
    LayerFormat,
    Placement,
    Split,
    StagePlacement,
    Trainer,
    TrainingFormat,
    TrainingState,
    TrainingWidths,
)
from golden.data import datasets
from golden.data.loading import load_split
from golden.data.preparation import Preparation
from golden.data.source import Source
from golden.fixed import lfsr, words
from golden.fixed.layer_format import DenseFormat
from golden.fixed.training import FixedTrainingNet
from golden.layers.dense import DenseShape
from golden.training import losses
from golden.training.scales import Headroom
from golden.vectors.nets import random_net, random_words
from tests.support.api_layers import SHAPE, make_model


def make_format(**changes):
    layer = LayerFormat(SHAPE, False, (6, 6, 6, 6), (16, 16, 16), (10, 10, 10))
    form = TrainingFormat((layer,), 12, 12, 20, 12, 24, 40)
    return dataclasses.replace(form, **changes)


def make_split():
    generator = np.random.default_rng(0)
    x, y = generator.random((9, 8), dtype=np.float32), np.arange(9) % 6
    return Split(x, y, x, y, "toy")


def make_state():
    return golden.initial_state(make_model(), make_format())


def make_fixed():
    return FixedTrainingNet(make_format(), make_state())


def step_arguments():
    x = torch.ones(2, 8, dtype=torch.int64)
    return {"x": x, "words": make_fixed().forward(x)}


SEEDS = {"seed": 0, "rows": 1, "cols": 1}
WORDS = torch.ones(2, 8, dtype=torch.int64)

QUANTISED = {
    "shape": SHAPE,
    "input_weight": torch.ones(8, 2, dtype=torch.int64),
    "middle_weight": torch.ones(2, 2, 3, dtype=torch.int64),
    "output_weight": torch.ones(6, 2, dtype=torch.int64),
    "bias": torch.ones(6, dtype=torch.int64),
    "activation_fraction_bits": (0, 0, 0, 0),
    "weight_fraction_bits": (1, 1, 1),
}
QUANTISED_LAYER = golden.QuantisedLayer(**QUANTISED, relu=False)
QUANTISED_NET = golden.QuantisedNet((QUANTISED_LAYER,), 12, 12)
FORMAT = {
    "layers": make_format().layers, "act_bits": 12, "weight_bits": 12, "master_bits": 20,
    "grad_bits": 12, "velocity_bits": 24, "bias_bits": 40,
}  # fmt: skip
STAGE = torch.zeros(8, 2, dtype=torch.int64)
OUTPUTS, LABELS = torch.zeros(2, 6), torch.tensor([0, 5])

# By name: what is called, and arguments with which it is right.
CALLS = {
    # Data, losses, training in float
    "datasets.load": (datasets.load, {"name_or_directory": "digits"}),
    "datasets.load_idx_directory": (datasets.load_idx_directory, {"directory": "mnist"}),
    "Source": (Source, {
        "data": "d.csv", "label": "kind", "test_data": None, "test_fraction": 0.5, "split_seed": 1,
        "standardise": True,
    }),
    "load_split": (load_split, {"source": "digits", "known": None}),
    "Preparation": (Preparation, {
        "features": ("a", "b"), "label": "c", "classes": ("x", "y"), "mean": (0.0, 1.0),
        "scale": (1.0, 2.0), "split": (0.5, 1),
    }),
    "Split": (Split, {
        "train_x": np.ones((2, 3), np.float32), "train_y": np.array([0, 1]),
        "test_x": np.ones((2, 3), np.float32), "test_y": np.array([0, 1]), "name": "a",
    }),
    "softmax_cross_entropy": (losses.softmax_cross_entropy, {
        "outputs": OUTPUTS, "labels": LABELS
    }),
    "mean_squared_error": (losses.mean_squared_error, {
        "outputs": OUTPUTS, "targets": OUTPUTS
    }),
    "mask_relu": (losses.mask_relu, {"gradient": OUTPUTS, "outputs": OUTPUTS}),
    "accuracy": (golden.accuracy, {"scores": OUTPUTS, "labels": LABELS}),
    "Trainer": (Trainer, {
        "model": make_model(), "split": make_split(), "learning_rate": 0.1, "batch_size": 4,
        "seed": 0,
    }),
    "Trainer.run": (
        lambda epochs: next(Trainer(make_model(), make_split()).run(epochs), None), {"epochs": 1}
    ),
    "Trainer.load_state_dict": (
        lambda state: Trainer(make_model(), make_split()).load_state_dict(state),
        {"state": Trainer(make_model(), make_split()).state_dict()},
    ),
    # Words and training in fixed point
    "QuantisedLayer": (golden.QuantisedLayer, {**QUANTISED, "relu": True}),
    "QuantisedLayer with a leak and bounds": (golden.QuantisedLayer, {
        **QUANTISED, "relu": False, "leak_shift": 2, "bounds": (-3, 3)
    }),
    "QuantisedNet": (golden.QuantisedNet, {
        "layers": (QUANTISED_LAYER,), "act_bits": 12, "weight_bits": 12
    }),
    "QuantisedNet.layer_words": (QUANTISED_NET.layer_words, {"x": WORDS}),
    "QuantisedNet.infer": (QUANTISED_NET.infer, {"x": torch.ones(2, 8)}),
    "QuantisedNet.dequantise_output": (QUANTISED_NET.dequantise_output, {"words": WORDS}),
    "to_words": (words.to_words, {"values": torch.ones(2), "fraction_bits": 2, "bits": 8}),
    "from_words": (words.from_words, {"words": WORDS, "fraction_bits": 2}),
    "round_half_even_shift": (words.round_half_even_shift, {"acc": WORDS, "shift": 1}),
    "saturate": (words.saturate, {"value": WORDS, "bits": 8}),
    "signed_bits": (words.signed_bits, {"tensor": WORDS}),
    "random_net": (random_net, {
        "shapes": [SHAPE], "seed": 0, "act_bits": 12, "weight_bits": 12
    }),
    "random_words": (random_words, {"net": QUANTISED_NET, "samples": 2, "seed": 0}),
    "seed_state": (lfsr.seed_state, {"seed": 0, "row": 0, "col": 0}),
    "seed_states": (lfsr.seed_states, SEEDS),
    "states_after": (lfsr.states_after, {"states": torch.ones(2, dtype=torch.int64), "steps": 3}),
    "advance": (lfsr.advance, {"states": torch.ones(2, dtype=torch.int64), "steps": 3}),
    "DenseFormat": (DenseFormat, {
        "shape": DenseShape(8, 6, (0, 4)), "relu": False, "activation_fraction_bits": (6, 6, 6),
        "master_fraction_bits": (16,), "gradient_fraction_bits": (10,), "gain_bits": 0,
    }),
    "LayerFormat": (LayerFormat, {
        "shape": SHAPE, "relu": False, "activation_fraction_bits": (6, 6, 6, 6),
        "master_fraction_bits": (16, 16, 16), "gradient_fraction_bits": (10, 10, 10),
    }),
    "TrainingFormat": (TrainingFormat, FORMAT),
    "StagePlacement": (StagePlacement, {"pe": STAGE, "visit": STAGE, "visits": 16}),
    "Placement": (Placement, {"pes": 1, "layers": Placement.one_pe([SHAPE]).layers}),
    "Placement.one_pe": (Placement.one_pe, {"shapes": [SHAPE]}),
    "Placement.check": (Placement.one_pe([SHAPE]).check, {"shapes": [SHAPE]}),
    "TrainingState": (TrainingState, {
        "layers": make_state().layers, "lfsr": torch.ones(1, dtype=torch.int64)
    }),
    "TrainingState.at_rest": (TrainingState.at_rest, {
        "layers": [(make_state().layers[0].masters, torch.ones(6, dtype=torch.int64))], **SEEDS
    }),
    "TrainingState.from_state_dict": (TrainingState.from_state_dict, {
        "saved": make_state().state_dict(), "layers": 1
    }),
    "TrainingState.check": (make_state().check, {"form": make_format(), "pes": 1}),
    "initial_state": (golden.initial_state, {
        "model": make_model(), "form": make_format(), **SEEDS
    }),
    "TrainingWidths": (TrainingWidths, {
        "act_bits": 16, "weight_bits": 16, "master_bits": 24, "grad_bits": 16,
        "velocity_bits": 0, "bias_bits": 40,
    }),
    "Headroom": (Headroom, {"activations": 3, "weights": 1, "gradients": 0, "outputs": 0}),
    "propose_format": (golden.propose_format, {
        "model": make_model(), "x": torch.rand(4, 8), "targets": torch.tensor([0, 1, 2, 3]),
        "loss": losses.softmax_cross_entropy, "learning_rate": 0.05, "widths": TrainingWidths(),
        "headroom": Headroom(), "batch_size": 1, "momentum": 0.0, "epochs": 1, "seed": 0,
        "dense_cuts": (),
    }),
    "FloatTwin": (golden.FloatTwin, {
        "shapes": [SHAPE], "relus": [False], "weights": [list(make_model().layers[0].weights)],
        "biases": [torch.ones(6)],
    }),
    "FloatTwin.of_model": (golden.FloatTwin.of_model, {
        "model": make_model(), "dense_cuts": (),
    }),
    "FloatTwin.of_state": (golden.FloatTwin.of_state, {
        "form": make_format(), "state": make_state()
    }),
    "FloatTwin.forward": (golden.FloatTwin.of_model(make_model()).forward, {
        "x": torch.ones(2, 8)
    }),
    "FixedTrainingNet": (FixedTrainingNet, {
        "form": make_format(), "state": make_state(), "placement": Placement.one_pe([SHAPE])
    }),
    "FixedTrainingNet.forward": (make_fixed().forward, {"x": WORDS}),
    "FixedTrainingNet.quantise_gradient": (make_fixed().quantise_gradient, {
        "gradient": torch.zeros(2, 6)
    }),
    "FixedTrainingNet.backward": (
        lambda **given: make_fixed().backward(**given),
        step_arguments() | {
            "gradient": torch.zeros(6, dtype=torch.int64), "sample": 0, "decay": 15,
            "apply": True, "frozen": (),
        },
    ),
    "FixedTrainingNet.backward_batch": (
        lambda **given: make_fixed().backward_batch(**given),
        step_arguments() | {
            "gradients": torch.zeros(2, 6, dtype=torch.int64), "decay": 15, "frozen": ()
        },
    ),
}  # fmt: skip
