"""What users call to make, convert and train layers, with arguments that are right."""

import torch
from torch import nn

from golden import ClosLinear, ClosNet, ClosShape, topologies
from golden.clos import initialise
from golden.clos.fit import fit_clos
from golden.convert import (
    CascadeSpec,
    ClosSpec,
    LowRankSpec,
    ProjectedAttention,
    SparseSpec,
    as_linear,
    convert,
    convert_report,
    rebuild,
)
from golden.export import to_2d
from golden.layers import (
    ClosConv1d,
    ClosConv2d,
    ClosGRU,
    ClosLSTM,
    ClosMultiheadAttention,
    ClosStages,
    LowRankConv2d,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
    SparseStage,
    live_channels,
    scaled_channels,
)
from golden.techniques import (
    Calcification,
    Densification,
    Masking,
    MaskSchedule,
    carry_optimiser,
    gradual_pruning,
    grow,
    grow_average,
    masks_from,
)

SHAPE = ClosShape(8, 6, 2, 2, 3)
MASK = torch.ones(6, 8, dtype=torch.bool)
TOPOLOGY = topologies.clos(SHAPE)
SQUARE = LowRankLinear(8, 8, 2)


def make_model():
    torch.manual_seed(0)
    return ClosNet([SHAPE])


def make_optimiser(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def technique(kind, **options):
    def make(**changes):
        model = make_model()
        given = {"model": model, "optimiser": make_optimiser(model)} | options
        return kind(**(given | changes))

    return make


def layer_inputs(layer):
    return lambda x: layer(x)


def copied(called):
    """Leave the tensors that are given as they are."""
    def on_copies(**given):
        return called(**{
            name: value.clone() if isinstance(value, torch.Tensor) else value
            for name, value in given.items()
        })

    return on_copies


def grown(**changes):
    given = {"name": "", "layer": ClosLinear(8, 6, (2, 2, 3)), "size": 3} | changes
    return grow(**given)


LINEAR, CONVOLUTION = nn.Linear(8, 6), nn.Conv2d(4, 6, 3)
IMAGES, SERIES = torch.ones(2, 4, 5, 5), torch.ones(3, 2, 8)
GENERATOR = torch.Generator()
PLACES = {"device": "cpu", "dtype": torch.float32}
SIZES = {"in_features": 8, "out_features": 6}
CHANNELS = {"in_channels": 4, "out_channels": 6}
KERNELS = {"kernel_size": 3, "stride": 1, "padding": 1}
MOVES = {"dilation": 1, "groups": 1, "padding_mode": "zeros"}
RECURRENT = {
    "input_size": 8, "hidden_size": 6, "reduction": 1.0, "num_layers": 1, "dropout": 0.0,
    "proj_size": 0, **PLACES
}  # fmt: skip
ATTENTION = {"embed_dim": 8, "num_heads": 2, "reduction": 1.0}
FIT = {"sweeps": 2, "generator": GENERATOR}
CASCADE = {"widths": (8, 6), "degrees": (2,)}

# By name: what is called, and arguments with which it is right.
CALLS = {
    # Layers
    "ClosShape": (ClosShape, {
        **SIZES, "input_routers": 2, "middle_routers": 2, "output_routers": 3
    }),
    "ClosShape.parse": (ClosShape.parse, {"text": "8,6,2,2,3"}),
    "ClosShape.from_budget": (ClosShape.from_budget, {**SIZES, "reduction": 1.0}),
    "ClosLinear": (ClosLinear, {**SIZES, "routers": (2, 2, 3), **PLACES}),
    "ClosLinear.of_shape": (ClosLinear.of_shape, {"shape": SHAPE, **PLACES}),
    "ClosLinear.from_budget": (ClosLinear.from_budget, {**SIZES, "reduction": 1.0, **PLACES}),
    "ClosLinear.from_dense": (ClosLinear.from_dense, {"layer": LINEAR, "shape": SHAPE, **FIT}),
    "ClosLinear.reset_parameters": (
        lambda **given: ClosLinear(8, 6, (2, 2, 3)).reset_parameters(**given),
        {"generator": GENERATOR},
    ),
    "ClosLinear()": (layer_inputs(ClosLinear(8, 6, (2, 2, 3))), {"x": torch.ones(2, 8)}),
    "ClosLinear.stages": (ClosLinear(8, 6, (2, 2, 3)).stages, {"x": torch.ones(2, 8)}),
    "fit_clos": (fit_clos, {"matrix": torch.ones(6, 8), "shape": SHAPE, **FIT}),
    "ClosNet": (ClosNet, {"shapes": [SHAPE], "generator": GENERATOR, "dropout": (0.1, 0.2)}),
    "ClosNet()": (layer_inputs(make_model()), {"x": torch.ones(2, 8)}),
    "LowRankLinear": (LowRankLinear, {**SIZES, "rank": 2, **PLACES}),
    "LowRankLinear.from_budget": (LowRankLinear.from_budget, {**SIZES, "reduction": 1.0}),
    "LowRankLinear.from_dense": (LowRankLinear.from_dense, {"layer": LINEAR, "rank": 2}),
    "LowRankLinear()": (layer_inputs(LowRankLinear(8, 6, 2)), {"x": torch.ones(2, 8)}),
    "LowRankConv2d": (LowRankConv2d, {
        "in_channels": 4, "out_channels": 6, "rank": 2, "kernel_size": 3, "stride": 1,
        "padding": 1, "dilation": 1, "padding_mode": "zeros", **PLACES,
    }),
    "LowRankConv2d.from_budget": (LowRankConv2d.from_budget, {
        "in_channels": 4, "out_channels": 6, "reduction": 1.5, "kernel_size": 3
    }),
    "LowRankConv2d.from_dense": (LowRankConv2d.from_dense, {
        "layer": nn.Conv2d(4, 6, 3), "rank": 2
    }),
    "LowRankConv2d()": (layer_inputs(LowRankConv2d(4, 6, 2)), {"x": IMAGES}),
    "ClosConv2d": (ClosConv2d, {
        **CHANNELS, "routers": (2, 2, 3), **KERNELS, **MOVES, **PLACES
    }),
    "ClosConv2d.from_budget": (ClosConv2d.from_budget, {
        **CHANNELS, "reduction": 1.0, **KERNELS, **MOVES, **PLACES
    }),
    "ClosConv2d.from_dense": (ClosConv2d.from_dense, {
        "layer": CONVOLUTION, "routers": (2, 2, 3), **FIT
    }),
    "ClosConv2d.multiply_adds": (
        ClosConv2d(4, 6, (2, 2, 3)).multiply_adds, {"height": 3, "width": 3}
    ),
    "ClosConv2d()": (layer_inputs(ClosConv2d(4, 6, (2, 2, 3))), {"x": IMAGES}),
    "ClosConv1d": (ClosConv1d, {
        **CHANNELS, "routers": (2, 2, 3), **KERNELS, **MOVES, **PLACES
    }),
    "ClosConv1d.from_dense": (ClosConv1d.from_dense, {
        "layer": nn.Conv1d(4, 6, 3), "routers": (2, 2, 3), **FIT
    }),
    "ClosConv1d.multiply_adds": (
        ClosConv1d(4, 6, (2, 2, 3), kernel_size=3).multiply_adds, {"length": 3}
    ),
    "ClosConv1d()": (layer_inputs(ClosConv1d(4, 6, (2, 2, 3))), {"x": torch.ones(2, 4, 5)}),
    "SparseRandomConv2d": (SparseRandomConv2d, {
        **CHANNELS, **KERNELS, "alpha": 0.5, "generator": GENERATOR, **PLACES
    }),
    "SparseRandomConv2d.multiply_adds": (
        SparseRandomConv2d(4, 6, 3, alpha=0.5).multiply_adds, {"height": 3, "width": 3}
    ),
    "SparseRandomConv2d()": (
        layer_inputs(SparseRandomConv2d(4, 6, 3, alpha=0.5)), {"x": IMAGES}
    ),
    "live_channels": (live_channels, {**CHANNELS, "alpha": 0.5, "generator": GENERATOR}),
    "scaled_channels": (scaled_channels, {"channels": 4, "alpha": 0.5}),
    "SparseStage": (SparseStage, {
        "mask": MASK, "constants": 0.0 * MASK, "initialisation": "sparse-xavier", **PLACES
    }),
    "SparseCascade": (SparseCascade, {
        "masks": [MASK], "constants": [0.0 * MASK], "initialisation": "sparse-xavier", **PLACES
    }),
    "SparseCascade()": (layer_inputs(SparseCascade([MASK])), {"x": torch.ones(2, 8)}),
    "ClosLSTM": (ClosLSTM, RECURRENT),
    "ClosGRU": (ClosGRU, RECURRENT),
    "ClosLSTM.from_dense": (ClosLSTM.from_dense, {
        "layer": nn.LSTM(8, 6), "reduction": 1.0, **FIT
    }),
    "ClosGRU.from_dense": (ClosGRU.from_dense, {"layer": nn.GRU(8, 6), "reduction": 1.0, **FIT}),
    "ClosLSTM()": (ClosLSTM(8, 6, reduction=1.0), {
        "x": SERIES, "state": (torch.ones(1, 2, 6), torch.ones(1, 2, 6))
    }),
    "ClosGRU()": (ClosGRU(8, 6, reduction=1.0), {"x": SERIES, "state": torch.ones(1, 2, 6)}),
    "ClosMultiheadAttention": (ClosMultiheadAttention, {
        **ATTENTION, "dropout": 0.0, "kdim": 8, "vdim": 8, **PLACES
    }),
    "ClosMultiheadAttention.from_dense": (ClosMultiheadAttention.from_dense, {
        "layer": nn.MultiheadAttention(8, 2), "reduction": 1.0, **FIT
    }),
    "ClosMultiheadAttention()": (ClosMultiheadAttention(**ATTENTION), {
        "query": SERIES, "key": SERIES, "value": SERIES,
        "key_padding_mask": torch.zeros(2, 3).bool(), "attn_mask": torch.zeros(3, 3).bool(),
    }),
    "ClosStages": (ClosStages, {
        **SIZES, "routers": (2, 2, 3), "activation": torch.relu, "dropout": 0.0, "gain": 1.0,
        **PLACES,
    }),
    "ClosStages.from_budget": (ClosStages.from_budget, {**SIZES, "reduction": 1.0}),
    "ClosStages()": (layer_inputs(ClosStages(8, 6, (2, 2, 3))), {"x": torch.ones(2, 8)}),
    "sparse_xavier_": (
        copied(initialise.sparse_xavier_),
        {"weight": torch.ones(3), "mean_fans": 4.0, "generator": GENERATOR},
    ),
    "per_neuron_fan_": (copied(initialise.per_neuron_fan_), {
        "weight": torch.ones(3), "outputs": torch.tensor([0, 1, 1]), "generator": GENERATOR
    }),
    # Conversion
    "convert": (convert, {
        "model": LINEAR, "specs": {"": ClosSpec(reduction=1.0, sweeps=1)}, "kinds": {},
        "unsupported": "skip", "min_weights": 2, "only_smaller": True,
        "calibration": torch.rand(20, 8) + 0.5, "progress": lambda *_: None,
    }),
    "convert, low rank": (convert, {
        "model": LINEAR, "specs": {"": LowRankSpec(1.0)}, "calibration": torch.rand(20, 8),
    }),
    "rebuild": (rebuild, {
        "model": LINEAR, "record": convert_report(LINEAR, {"": LowRankSpec(1.0)}).report.record,
        "in_place": False,
    }),
    "as_linear": (as_linear, {"weight": torch.ones(6, 8), "bias": torch.ones(6)}),
    "ProjectedAttention": (ProjectedAttention, {
        "query_map": SQUARE, "key_map": SQUARE, "value_map": SQUARE, "out_proj": SQUARE,
        "num_heads": 2, "dropout": 0.1, "batch_first": True,
    }),
    "ProjectedAttention()": (ProjectedAttention(SQUARE, SQUARE, SQUARE, SQUARE, 2), {
        "query": torch.ones(3, 2, 8), "key": torch.ones(4, 2, 8), "value": torch.ones(4, 2, 8),
        "key_padding_mask": torch.zeros(2, 4) > 0, "attn_mask": torch.zeros(3, 4),
    }),
    "ClosSpec": (ClosSpec, {"reduction": 1.0, "sweeps": 2, "initialise": "fit"}),
    "ClosSpec, routers": (ClosSpec, {"routers": (2, 2, 3)}),
    "LowRankSpec": (LowRankSpec, {"reduction": 1.0, "initialise": "new"}),
    "SparseSpec": (SparseSpec, {"alpha": 0.5, "seed": 0, "initialise": "new"}),
    "CascadeSpec": (CascadeSpec, {"masks": [MASK], "constants": [0.0 * MASK]}),
    "to_2d": (to_2d, {"model": make_model(), "form": "blocks"}),
    # Techniques
    "Densification": (technique(Densification, every_steps=2), {
        "model": make_model(), "optimiser": make_optimiser(make_model()), "every_steps": 2,
        "factor": 2.0, "density": 1.0, "new_values": "zero", "seed": 0,
    }),
    "Densification.load_state_dict": (
        lambda state: technique(Densification, every_steps=2)().load_state_dict(state),
        {"state": technique(Densification, every_steps=2)().state_dict()},
    ),
    "Calcification": (technique(Calcification, age_steps=2), {
        "model": make_model(), "optimiser": make_optimiser(make_model()), "age_steps": 2
    }),
    "Calcification.load_state_dict": (
        lambda state: technique(Calcification, age_steps=2)().load_state_dict(state),
        {"state": technique(Calcification, age_steps=2)().state_dict()},
    ),
    "Calcification.frozen": (technique(Calcification, age_steps=2)().frozen, {
        "name": "layers.0.bias"
    }),
    "Masking": (technique(Masking), {
        "model": make_model(), "optimiser": make_optimiser(make_model()),
        "schedule": masks_from({0: {"layers.0.bias": torch.ones(6, dtype=torch.bool)}}),
    }),
    "Masking of odd masks": (
        lambda mask: technique(Masking)(
            schedule=MaskSchedule(frozenset({"layers.0.bias"}), lambda *_: mask)
        ),
        {"mask": torch.ones(6, dtype=torch.bool)},
    ),
    "MaskSchedule": (MaskSchedule, {"names": frozenset({"a"}), "mask": lambda *_: None}),
    "masks_from": (masks_from, {"masks": {0: {"a": MASK}}}),
    "masks_from at 0": (lambda named: masks_from({0: named}), {"named": {"a": MASK}}),
    "gradual_pruning": (gradual_pruning, {
        "names": ("a",), "density": 0.5, "first_step": 0, "last_step": 2, "every_steps": 1
    }),
    "grow": (grown, {
        "name": "a", "layer": ClosLinear(8, 6, (2, 2, 3)), "size": 3, "new_values": "zero",
        "generator": GENERATOR,
    }),
    "grow_average": (grow_average, {
        "averaged": make_model(), "model": make_model(), "growths": []
    }),
    "carry_optimiser": (carry_optimiser, {
        "optimiser": make_optimiser(make_model()), "growths": []
    }),
    # Topologies
    "Topology": (topologies.Topology, {
        "name": "a", "masks": (MASK,), "constants": (0.0 * MASK,)
    }),
    "parse_topology": (topologies.parse_topology, {"text": "butterfly:8,2"}),
    "clos": (topologies.clos, {"shape": SHAPE}),
    "butterfly": (topologies.butterfly, {"n": 8, "layers": 2}),
    "parallel_butterfly": (topologies.parallel_butterfly, {"n": 8, "layers": 2, "parallel": 2}),
    "hypercube": (topologies.hypercube, {"n": 8, "layers": 2}),
    "torus": (topologies.torus, {"rows": 3, "cols": 3, "layers": 2}),
    "low_rank": (topologies.low_rank, {**SIZES, "rank": 2}),
    "radix": (topologies.radix, {"n": 8, "radices": (2, 4)}),
    "random_edge": (topologies.random_edge, {**CASCADE, "seed": 0}),
    "random_rotating": (topologies.random_rotating, {**CASCADE, "seed": 0}),
    "random_regular": (topologies.random_regular, {**CASCADE, "seed": 0}),
    "regular": (topologies.regular, CASCADE),
    "long_short": (topologies.long_short, CASCADE),
    "fibonacci": (topologies.fibonacci, CASCADE),
    "random_edge_mask": (topologies.random_edge_mask, {
        "n": 8, "m": 6, "degree": 2.0, "generator": GENERATOR
    }),
    "random_rotating_mask": (topologies.random_rotating_mask, {
        "n": 8, "m": 6, "degree": 2, "generator": GENERATOR
    }),
    "random_regular_mask": (topologies.random_regular_mask, {
        "n": 8, "m": 6, "degree": 2, "generator": GENERATOR
    }),
    "regular_mask": (topologies.regular_mask, {"n": 8, "m": 6, "degree": 2}),
    "long_short_mask": (topologies.long_short_mask, {"n": 8, "m": 6, "degree": 2}),
    "fibonacci_mask": (topologies.fibonacci_mask, {"n": 8, "m": 6, "degree": 2}),
    "with_skip": (topologies.with_skip, {"topology": TOPOLOGY}),
    "with_diagonal": (topologies.with_diagonal, {"topology": TOPOLOGY}),
    "revived": (topologies.revived, {"topology": TOPOLOGY, "seed": 0}),
    "Topology.matrices": (TOPOLOGY.matrices, {
        "weights": [torch.ones(int(mask.sum())) for mask in TOPOLOGY.masks]
    }),
}  # fmt: skip
