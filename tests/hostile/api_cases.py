"""Calls of the Python API with what they do not take: refused by a message, not by an accident."""

import functools
import re
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

import golden
import sw_driver
from golden import ClosLinear, ClosNet, ClosShape, GoldenError
from golden.data.datasets import load
from golden.training.losses import loss_value
from hw.config import ConfigError, TorusConfig
from sim.device.device import SimDevice
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError
from tests.hostile.case import Case, Workshop

GROUP = "Python API"
REFUSALS = (GoldenError, DriverError, ConfigError)
X = torch.rand(20, 9, generator=torch.Generator().manual_seed(2))
NAN, INF = float("nan"), float("inf")


def net(*shapes: tuple[int, ...]) -> ClosNet:
    """A small net, the same one every time."""
    found = [ClosShape(*shape) for shape in shapes or ((9, 8, 2, 3, 2), (8, 6, 2, 2, 2))]
    return ClosNet(found, generator=torch.Generator().manual_seed(1))


@functools.cache
def compiled() -> sw_driver.Compiled:
    """A net on one processing element."""
    return sw_driver.compile(net(), "1x1", X)


@functools.cache
def trained() -> tuple[object, object]:
    """A net compiled for training, and its first state."""
    labels = torch.arange(20) % 6
    form = golden.propose_format(net(), X, labels, golden.softmax_cross_entropy, 0.01)
    return compile(form, "1x1"), golden.initial_state(net(), form)


def device() -> sw_driver.GoldenDevice:
    """A device that infers, loaded."""
    found = sw_driver.GoldenDevice()
    found.load(compiled())
    return found


def trainer() -> GoldenDevice:
    """A device that trains, loaded."""
    found = GoldenDevice()
    found.load(*trained())
    return found


def step(x: object = X[:2], targets: object = (0, 1), **options: object) -> object:
    """A training step, of which some argument is hostile."""
    return trainer().train_step(x, np.asarray(targets), **{"learning_rate": 0.01, **options})


def propose(*arguments: object, **options: object) -> object:
    """A proposal of a format; what is not given is as it should be."""
    given = dict(enumerate(arguments))
    wanted = [net(), X, torch.arange(20) % 6, golden.softmax_cross_entropy, 0.01]
    chosen = [given.get(number, value) for number, value in enumerate(wanted)]
    return golden.propose_format(*chosen, **options)


def hooked() -> nn.Module:
    """A net with a hook, which no torus runs."""
    model = net()
    model.layers[1].register_forward_hook(lambda module, args, output: output + 1)
    return model


def tied() -> nn.Module:
    """Two layers of the same weights."""
    layer = ClosLinear(9, 9, (3, 3, 3))
    return nn.Sequential(layer, nn.ReLU(), layer)


Call = Callable[[], object]
QUANTISE: dict[str, Call] = {
    "no module": lambda: golden.quantise("model.pt", X),
    "a class": lambda: golden.quantise(ClosNet, X),
    "a state_dict": lambda: golden.quantise(net().state_dict(), X),
    "an empty Sequential": lambda: golden.quantise(nn.Sequential(), X),
    "a layer of PyTorch": lambda: golden.quantise(nn.Bilinear(9, 9, 8), X),
    "a hook": lambda: golden.quantise(hooked(), X),
    "complex calibration": lambda: golden.quantise(net(), X.to(torch.complex64)),
    "calibration of text": lambda: golden.quantise(net(), [["a"] * 9]),
    "ragged calibration": lambda: golden.quantise(net(), [[1.0] * 9, [1.0]]),
    "calibration of None": lambda: golden.quantise(net(), None),
    "no sample": lambda: golden.quantise(net(), X[:0]),
    "a feature too few": lambda: golden.quantise(net(), X[:, :8]),
    "one sample without its dimension": lambda: golden.quantise(net(), X[0]),
    "not a number": lambda: golden.quantise(net(), X * NAN),
    "infinity": lambda: golden.quantise(net(), X / 0),
    "1e300": lambda: golden.quantise(net(), X.double() * 1e300),
    "words of 3 bits": lambda: golden.quantise(net(), X, act_bits=3),
    "words of 19 bits": lambda: golden.quantise(net(), X, weight_bits=19),
    "a bias of 1 bit": lambda: golden.quantise(net(), X, bias_bits=1),
    "a shift of -1": lambda: golden.quantise(net(), X, max_shift=-1),
}
COMPILE: dict[str, Call] = {
    "a path": lambda: sw_driver.compile("model.pt", "2x2", X),
    "None": lambda: sw_driver.compile(None, "2x2", X),
    "no calibration": lambda: sw_driver.compile(net(), "2x2"),
    "a torus of one number": lambda: sw_driver.compile(net(), (2,), X),
    "a torus of fractions": lambda: sw_driver.compile(net(), (2.5, 2), X),
    "a torus of None": lambda: sw_driver.compile(net(), None, X),
    "a torus of 65 rows": lambda: sw_driver.compile(net(), "65x1", X),
    "a torus of no rows": lambda: sw_driver.compile(net(), "0x1", X),
    "words of 30 bits": lambda: sw_driver.compile(net(), "1x1", X, act_bits=30),
    "beats of 7 bits": lambda: sw_driver.compile(net(), "1x1", X, host_bits=7),
    "an order that is none": lambda: sw_driver.compile(net(), "1x1", X, order="fast"),
    "a net for training": lambda: compile(net(), "1x1"),
    "a training with momentum 0": lambda: compile(trained()[0].format, "1x1", momentum=0),
    "a training in batches without accumulators": lambda: compile(
        trained()[0].format, "1x1", batches=True
    ),
    "a frozen layer that is not there": lambda: compile(
        trained()[0].format, "1x1", frozen=[7]
    ),
    "a torus that cannot train": lambda: compile(
        trained()[0].format, TorusConfig(rows=1, cols=1)
    ),
    "a configuration that is too small": lambda: sw_driver.compile(
        net((9, 400, 3, 40, 4)), TorusConfig(rows=1, cols=1, weight_words=256), X
    ),
}
DEVICES: dict[str, Call] = {
    "nothing loaded": lambda: sw_driver.GoldenDevice().infer(X),
    "nothing loaded, to train": lambda: GoldenDevice().train_step(
        X, [0] * 20, learning_rate=0.1
    ),
    "a model loaded": lambda: sw_driver.GoldenDevice().load(net()),
    "a path loaded": lambda: sw_driver.GoldenDevice().load("model.ctz"),
    "a net for inference, with a state": lambda: GoldenDevice().load(compiled(), trained()[1]),
    "a net for inference, to train": lambda: device().train_step(
        X, torch.zeros(20, dtype=torch.int64), learning_rate=0.1),
    "a net for training, to infer": lambda: sw_driver.GoldenDevice().load(trained()[0]),
    "a simulation without a net": lambda: SimDevice().infer(X),
    "inputs of text": lambda: device().infer([["a"] * 9]),
    "inputs of None": lambda: device().infer(None),
    "ragged inputs": lambda: device().infer([[1.0] * 9, [1.0]]),
    "complex inputs": lambda: device().infer(X.numpy().astype(complex)),
    "no inputs": lambda: device().infer(X[:0]),
    "a feature too many": lambda: device().infer(np.zeros((2, 10))),
    "one input without its dimension": lambda: device().infer(np.zeros(9)),
    "inputs that are no numbers": lambda: device().infer(X * NAN),
    "words of reals": lambda: device().infer_words(np.zeros((1, 9))),
    "words that are too wide": lambda: device().infer_words(np.full((1, 9), 1 << 15)),
    "words beyond 64 bits": lambda: device().infer_words([[1 << 70] * 9]),
    "words that are truth values": lambda: device().infer_words(np.zeros((1, 9), bool)),
    "a learning rate of 0": lambda: step(learning_rate=0.0),
    "a learning rate below 0": lambda: step(learning_rate=-1.0),
    "a learning rate that is no number": lambda: step(learning_rate=NAN),
    "a learning rate of 1e-30": lambda: step(learning_rate=1e-30),
    "a learning rate of 1e30": lambda: step(learning_rate=1e30),
    "a loss of PyTorch": lambda: step(loss=nn.CrossEntropyLoss()),
    "a loss that is text": lambda: step(loss="mse"),
    "labels beyond the outputs": lambda: step(targets=(0, 6)),
    "labels below 0": lambda: step(targets=(-1, 0)),
    "too few labels": lambda: step(targets=(0,)),
    "labels of text": lambda: step(targets=("a", "b")),
    "training inputs that are infinite": lambda: step(X[:2] / 0),
    "backward before forward": lambda: trainer().backward(np.zeros((1, 6)), learning_rate=0.1),
    "a gradient of words that are too wide": lambda: trainer().train_words(
        np.zeros((1, 9), np.int64), lambda sample, y: np.full(6, 1 << 20)
    ),
    "a checkpoint of nothing": lambda: trainer().restore({}),
    "a checkpoint with an array for its torus": lambda: trainer().restore(
        {**trainer().checkpoint(), "torus": np.array([1, 1])}),
    "words without gradients": lambda: trainer().train_words(np.zeros((1, 9), int), None),
    "a state of another net": lambda: trainer().write_state(
        golden.initial_state(
            net((9, 6, 3, 3, 2)),
            golden.propose_format(
                net((9, 6, 3, 3, 2)), X, torch.arange(20) % 6, golden.softmax_cross_entropy, 0.01
            ),
        )
    ),
}
TRAINING: dict[str, Call] = {
    "labels beyond the outputs": lambda: propose(net(), X, torch.full((20,), 6)),
    "labels that are reals": lambda: propose(net(), X, torch.rand(20)),
    "too few labels": lambda: propose(net(), X, torch.arange(3)),
    "a loss of PyTorch": lambda: propose(net(), X, torch.arange(20) % 6, nn.MSELoss()),
    "a loss of None": lambda: propose(net(), X, torch.arange(20) % 6, None),
    "a loss that gives a number": lambda: loss_value(lambda y, t: 0.5, X, X),
    "a learning rate of 0": lambda: golden.propose_format(
        net(), X, torch.arange(20) % 6, golden.softmax_cross_entropy, 0
    ),
    "a learning rate of text": lambda: golden.propose_format(
        net(), X, torch.arange(20) % 6, golden.softmax_cross_entropy, "0.1"
    ),
    "a learning rate of 1e60": lambda: golden.propose_format(
        net(), X, torch.arange(20) % 6, golden.softmax_cross_entropy, 1e60
    ),
    "cuts of a dense layer that is not there": lambda: propose(dense_cuts=[(0, 3)]),
    "cuts of text": lambda: propose(dense_cuts="cut"),
    "cuts that fall": lambda: propose(
        nn.Sequential(nn.Linear(9, 6)), dense_cuts=[(0, 6, 3)]
    ),
    "cuts beyond the inputs": lambda: propose(
        nn.Sequential(nn.Linear(9, 6)), dense_cuts=[(0, 10**30)]
    ),
    "a momentum of 1": lambda: propose(momentum=1.0),
    "batches of 0": lambda: propose(batch_size=0),
    "batches of a half": lambda: propose(batch_size=0.5),
    "epochs of 0": lambda: propose(epochs=0),
    "tied weights": lambda: propose(tied(), X, torch.rand(20, 9), golden.mean_squared_error),
    "a hook": lambda: propose(hooked()),
}
LAYERS: dict[str, Call] = {
    "routers of one number": lambda: ClosLinear(8, 8, 2),
    "two routers": lambda: ClosLinear(8, 8, (2, 2)),
    "routers of text": lambda: ClosLinear(8, 8, "222"),
    "more routers than inputs": lambda: ClosLinear(8, 8, (9, 2, 2)),
    "no outputs": lambda: ClosLinear(8, 0, (2, 2, 2)),
    "half an input": lambda: ClosLinear(8.5, 8, (2, 2, 2)),
    "inputs of None": lambda: ClosLinear(None, 8, (2, 2, 2)),
    "a reduction of 0": lambda: ClosLinear.from_budget(64, 64, reduction=0),
    "a reduction of -1": lambda: ClosLinear.from_budget(64, 64, reduction=-1),
    "a reduction that is no number": lambda: ClosLinear.from_budget(64, 64, reduction=NAN),
    "an infinite reduction": lambda: ClosLinear.from_budget(64, 64, reduction=INF),
    "an input of another size": lambda: ClosLinear(8, 8, (2, 2, 2))(torch.zeros(3, 7)),
    "an input without dimensions": lambda: ClosLinear(8, 8, (2, 2, 2))(torch.tensor(1.0)),
    "a net of no layers": lambda: ClosNet([]),
    "layers that do not chain": lambda: net((8, 8, 2, 2, 2), (9, 8, 3, 2, 2)),
    "a net of text": lambda: ClosNet(["64,64,8,8,8"]),
    "dropout of 1": lambda: ClosNet([ClosShape(8, 8, 2, 2, 2)], dropout=(1.0, 0.5)),
    "a layer in text": lambda: ClosShape.parse("64,10,8,2"),
    "a layer of words": lambda: ClosShape.parse("a,b,c,d,e"),
}
FILES: dict[str, Call] = {
    "data that are not there": lambda: load("nothing"),
    "a model from nowhere": lambda: golden.load_model("none.pt"),
    "an artifact of no name": lambda: sw_driver.load_artifact(None),
    "an artifact into a number": lambda: sw_driver.save_artifact(3, compiled()),
    "an artifact from nowhere": lambda: sw_driver.load_artifact("none.ctz"),
    "a model in no folder": lambda: golden.save_model("none/m.pt", net()),
    "an artifact in no folder": lambda: sw_driver.save_artifact("none/m.ctz", compiled()),
    "a model into a folder": lambda: golden.save_model(".", net()),
    "swapped arguments of save_model": lambda: golden.save_model(net(), "m.pt"),
    "swapped arguments of save_artifact": lambda: sw_driver.save_artifact(compiled(), "m.ctz"),
    "a Sequential that is no ClosNet": lambda: golden.save_model("m.pt", nn.Sequential(nn.Tanh())),
    "a net with a hook": lambda: golden.save_model("m.pt", hooked()),
    "a training state of objects": lambda: golden.save_model("m.pt", net(), {"a": object()}),
    "a model as an artifact": lambda: sw_driver.save_artifact("m.ctz", net()),
}
CONFIGS: dict[str, Call] = {
    f"{name} of {value!r}": lambda name=name, value=value: TorusConfig(
        **{"rows": 2, "cols": 2, name: value}
    )
    for name, value in (
        ("rows", 0), ("rows", 65), ("rows", -1), ("cols", 10**30), ("act_bits", 3),
        ("act_bits", 19), ("weight_bits", 0), ("host_bits", 33), ("buffer_words", 0),
        ("weight_words", 10**9), ("program_words", 7), ("rep_bits", 0), ("link_stages", -1),
        ("max_fan_in", 0), ("min_shift", -1), ("leaky", 2), ("leaky", True), ("bounded", -1),
    )
}  # fmt: skip
CALLS = {
    "quantise": QUANTISE,
    "compile": COMPILE,
    "devices": DEVICES,
    "propose_format": TRAINING,
    "layers": LAYERS,
    "files": FILES,
    "TorusConfig": CONFIGS,
}


def cases() -> Iterator[Case]:
    """List all."""
    for area, calls in CALLS.items():
        for name, call in calls.items():
            yield Case(GROUP, f"{area}, {name}", functools.partial(_refused, call))


def _refused(call: Call, bench: Workshop) -> None:
    before = sorted(bench.here.rglob("*"))
    try:
        found = bench.inside(call)
    except REFUSALS as error:
        text = str(error)
        assert text and "\n" not in text and not re.search(r"object at 0x|Traceback", text), text
    else:
        raise AssertionError(f"must be refused, but gave {found!r}")
    assert sorted(bench.here.rglob("*")) == before
    bench.refusals += 1
