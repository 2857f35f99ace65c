"""What no torus computes is refused in one line: its name, its line, and what comes nearest."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from golden import ClosLinear, ModelError, ShapeError, quantise
from golden.models.read import read_chain


def clos(inputs=12, outputs=12):
    return ClosLinear(inputs, outputs, (3, 4, 3))


class Own(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first, self.second = clos(), clos()
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def branch(m, x):
    if x.sum() > 0:
        return m.first(x)
    return m.second(x)


def loop(m, x):
    for row in x:
        m.first(row)
    return x


HERE = r"\(test_refusals.py, line \d+\)"
REFUSED = {
    "residual": (lambda m, x: m.first(x) + x, rf"node add {HERE} calls add of two results .*resid"),
    "gate": (lambda m, x: m.first(x) * m.second(x), rf"node mul {HERE} calls mul of two results"),
    "cat": (lambda m, x: torch.cat([m.first(x), m.second(x)], 1),
            rf"node cat {HERE} calls cat, .*: a torus computes a chain"),
    "sigmoid": (lambda m, x: torch.sigmoid(m.first(x)), rf"node sigmoid {HERE} calls sigmoid, .* "),
    "softmax": (lambda m, x: m.first(x).softmax(1), "calls softmax, which .*leave it out"),
    "gelu": (lambda m, x: F.gelu(m.first(x)), "calls gelu, which is not supported: the nearest ar"),
    "slope": (lambda m, x: F.leaky_relu(m.first(x)),
              "slope 0.01, .*nearest is 0.0078125 = 2\\*\\*-7, with which the model must then"),
    "negative slope": (lambda m, x: F.leaky_relu(m.first(x), -0.5), "slope -0.5, .*nearest is 0.0"),
    "steep slope": (lambda m, x: F.leaky_relu(m.first(x), 2.0), "slope 2, .*the nearest is 1 = 2"),
    "bounds": (lambda m, x: m.first(x).clamp(2, 1), "min at most max, not 2 and 1"),
    "bounds of features": (lambda m, x: m.first(x).clamp(min=torch.zeros(12)), "min must be a num"),
    "no bounds": (lambda m, x: m.first(x).clamp(min=float("nan")), "min must be a number"),
    "quotient": (lambda m, x: 1 / m.first(x), "calls truediv of two results|truediv"),
    "floor": (lambda m, x: torch.div(m.first(x), 2, rounding_mode="floor"), "rounds what it divid"),
    "power": (lambda m, x: m.first(x) ** 2, "calls pow, which is not supported: supported are Clo"),
    "slice": (lambda m, x: m.first(x)[:, :3], "calls getitem, .*: select the features in the data"),
    "transposed": (lambda m, x: m.first(x).t(), "calls t, which is not supported"),
    "condition": (branch, rf"the model's forward {HERE} must be a chain of operations .*control f"),
    "loop": (loop, rf"the model's forward {HERE} must be a chain of operations"),
    "fails": (lambda m, x: m.third(x), rf"the model's forward {HERE} .*no attribute 'third'"),
    "batch": (lambda m, x: m.first(x.view(50, 12)), "view must take \\[N, 12\\], but fails: .* of"),
    "samples joined": (lambda m, x: m.first(x).reshape(-1, 6), r"makes \[2 N, 6\] of \[N, 12\]"),
    "vectors": (lambda m, x: F.linear(m.first(x).view(-1, 3, 4), torch.ones(2, 4)), "computes eac"),
    "two outputs": (lambda m, x: (m.first(x), x), "must return one tensor, not a tuple"),
    "constant": (lambda m, x: torch.ones(3), "must return one tensor, not a Tensor"),
    "nothing": (lambda m, x: x, "must hold at least one ClosLinear or Linear, but holds none"),
    "relu first": (lambda m, x: m.first(x.relu()), rf"node relu {HERE}: a ReLU must follow a laye"),
    "odd arguments": (lambda m, x: m.first(x).add(1, 2, 3), "calls add with arguments that are no"),
    "matrix": (lambda m, x: m.first(x) @ torch.ones(12), "something that is no matrix of weights"),
    "row": (lambda m, x: m.first(x) * torch.ones(12, 12), "takes a tensor .12, 12., which is not"),
    "scale behind": (lambda m, x: (m.first(x).relu() - 1).relu(),
                     "sub between node relu_1 .*: a ReLU and the ReLU behind layer first fit into"),
    "shift at the end": (lambda m, x: m.first(x).clamp(-1, 1) + 1,
                         "add between the end of the model and the clamp.-1, 1. behind layer firs"),
    "kernel": (lambda m, x: F.conv2d(m.first(x), torch.ones(3, 12, 3, 3)), "calls conv2d, .*the n"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_functions_are_refused_by_node_and_line(name):
    function, message = REFUSED[name]
    with pytest.raises(ModelError, match=message) as caught:
        read_chain(Own(function))
    assert "\n" not in str(caught.value)


MODULES = {
    "LayerNorm": (lambda: nn.LayerNorm(12), "layer 1 is a LayerNorm, .*: the nearest is BatchNorm"),
    "PReLU": (lambda: nn.PReLU(), "layer 1 is a PReLU, which is not supported: the nearest are Re"),
    "Softmax": (lambda: nn.Softmax(1), "layer 1 is a Softmax, .*leave it out"),
    "LSTM": (lambda: nn.LSTM(12, 3), "layer 1 is a LSTM, .*window"),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), "layer 1 is a MaxPool1d, .*pointwise"),
    "Conv2d": (lambda: nn.Conv2d(12, 3, 3), r"is a Conv2d with kernel_size \(3, 3\), .*with \(1, "),
    "Embedding": (lambda: nn.Embedding(3, 3), "is a Embedding, .*: supported are ClosLinear"),
    "list": (lambda: nn.ModuleList([clos()]), "layer 1 is a ModuleList, which is not supported"),
    "statistics": (
        lambda: nn.BatchNorm1d(12, track_running_stats=False), "layer 1 normalises with the mean"
    ),
    "stub": (lambda: torch.ao.quantization.QuantStub(), "layer 1 is a QuantStub of PyTorch's quan"),
    "observer": (
        lambda: torch.ao.quantization.MinMaxObserver(), "layer 1 is a MinMaxObserver of PyTorch's"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_refused_by_name(name):
    build, message = MODULES[name]
    with pytest.raises(ModelError, match=message):
        read_chain(nn.Sequential(clos(), build()).eval())


def test_batch_norm_in_train_mode_is_told_apart():
    model = nn.Sequential(clos(), nn.BatchNorm1d(12))
    with pytest.raises(ModelError, match=r"layer 1 is a BatchNorm1d in train mode, .*model.eval\("):
        read_chain(model)
    assert len(read_chain(model.eval())) == 1


def test_cuts_of_dense_layers_are_those_of_all():
    model = nn.Sequential(clos(), nn.ReLU(), nn.Linear(12, 5))
    with pytest.raises(ModelError, match="dense_cuts must be those of the 1 dense layers, not"):
        quantise(model, torch.rand(5, 12), dense_cuts=[(), ()])


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="layer 1: in_features must be 12, the outputs of layer 0"):
        read_chain(nn.Sequential(clos(), nn.Linear(10, 5)))


def test_a_model_that_cannot_be_copied_is_refused():
    class Stuck(nn.Module):
        def __deepcopy__(self, memo):
            raise TypeError("never")

    with pytest.raises(ModelError, match=r"copy.deepcopy can copy it, .*never"):
        read_chain(Stuck())


@pytest.mark.parametrize("layer, message", [
    (nn.LeakyReLU(float("inf")), "of slope inf, which is not supported"),
    (nn.LeakyReLU(2.0), "of slope 2, .* the nearest is 1 = "),
    (nn.LeakyReLU(5e-324), "of slope 4.94066e-324, which is not supported"),
    (nn.LeakyReLU(float("nan")), "negative_slope must be a number"),
    (nn.LeakyReLU(10**400), r"negative_slope must be within -2\*\*1024"),
    (nn.Hardtanh(0, 10**400), r"max(_val)? must be within -2\*\*1024"),
])
def test_slopes_and_bounds_that_no_float_is(layer, message):
    with pytest.raises(ModelError, match=message):
        read_chain(nn.Sequential(clos(), layer).eval())


def test_scripts_are_refused():
    with pytest.warns(DeprecationWarning):
        script = torch.jit.trace(nn.Linear(3, 3), torch.rand(2, 3))
    with pytest.raises(ModelError, match="not a ScriptModule, which cannot be traced"):
        read_chain(script)


@pytest.mark.parametrize("name, layer, message", [
    ("scale", lambda x: 2 * x, "layer 0 is scaled or shifted by mul, which no torus trains"),
    ("bounds", nn.Hardtanh(), r"layer 0 is followed by clamp\(-1, 1\), which no torus trains"),
    ("leak", nn.LeakyReLU(0.25), r"layer 0 is followed by LeakyReLU\(2\*\*-2\), which no torus"),
    ("norm", nn.BatchNorm1d(12), r"layer 1 is a BatchNorm1d, which no torus trains: .*fold_batch_"),
])  # fmt: skip
def test_what_does_not_train_is_refused_by_name(name, layer, message):
    module = layer if isinstance(layer, nn.Module) else Own(lambda m, x: layer(x))
    model = nn.Sequential(clos(), module)
    assert len(read_chain(model.eval())) == 1
    with pytest.raises(ModelError, match=message):
        read_chain(model.train(), training=True)
