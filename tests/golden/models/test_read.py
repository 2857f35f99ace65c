"""Which layers a model chains: every use of a module, and nothing that the walk does not see."""

import functools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from golden import ClosLinear, ClosNet, ClosShape, ModelError, initial_state, pixel_net, quantise
from golden.layers.conv import ClosConv2d
from golden.models.read import clos_chain
from golden.training.losses import softmax_cross_entropy
from golden.training.scales import propose_format


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(5)


def clos(inputs=16, outputs=16):
    return ClosLinear(inputs, outputs, (4, 4, 4))


def inputs(samples=40, features=16):
    return torch.rand(samples, features) - 0.5


def shared_relu():
    act = nn.ReLU()
    return nn.Sequential(clos(), act, clos(), act, clos(16, 8))


def shared_layer():
    layer = clos()
    return nn.Sequential(layer, nn.ReLU(), layer)


def shared_block():
    block = nn.Sequential(clos(), nn.ReLU())
    return nn.Sequential(block, block, clos(16, 8))


def shared_net():
    net = ClosNet([ClosShape(16, 16, 4, 4, 4), ClosShape(16, 16, 4, 2, 4)])
    return nn.Sequential(net, nn.ReLU(), net)


def shared_in_net():
    net = ClosNet([ClosShape(16, 16, 4, 4, 4)] * 3)
    net.layers[1] = net.layers[0]
    return net


SHARED = [shared_relu, shared_layer, shared_block, shared_net, shared_in_net]
RELUS = [
    [True, True, False],
    [True, False],
    [True, True, False],
    [True, True, True, False],
    [True, True, False],
]


@pytest.mark.parametrize(("build", "relus"), list(zip(SHARED, RELUS, strict=True)))
def test_a_module_that_occurs_twice_is_there_twice(build, relus):
    model, x = build(), inputs()
    words = quantise(model, x)
    assert [layer.relu for layer in words.layers] == relus
    error = (words.infer(x) - model(x).double()).abs().max()
    assert error < 1e-3, f"largest error {error}"


def test_pointwise_convolutions_that_occur_twice_are_there_twice():
    conv, act = ClosConv2d(16, 16, (4, 4, 4)), nn.ReLU()
    model = nn.Sequential(conv, act, conv, act, ClosConv2d(16, 8, (4, 4, 4)))
    images = torch.rand(3, 16, 4, 5) - 0.5
    words = quantise(model, images)
    assert [layer.relu for layer in words.layers] == [True, True, False]
    plain = pixel_net(model)(images.movedim(1, 3))
    assert plain.allclose(model(images).movedim(1, 3), atol=1e-6)
    pixels = images.movedim(1, 3).flatten(0, 2)
    wanted = model(images).movedim(1, 3).flatten(0, 2)
    assert (words.infer(pixels) - wanted).abs().max() < 1e-3
    assert quantise(model, pixels).layers[2].bias.equal(words.layers[2].bias)


def propose(model):
    labels = torch.arange(40) % 8
    return propose_format(model, inputs(), labels, softmax_cross_entropy, 0.01)


@pytest.mark.parametrize("build", SHARED[1:])
def test_a_layer_in_two_places_is_not_trained(build):
    with pytest.raises(ModelError, match="input_weight of layer .* is input_weight of layer .*too"):
        propose(build())


def test_one_tensor_in_two_layers_is_not_trained():
    model = nn.Sequential(clos(), nn.ReLU(), clos())
    model[2].middle_weight = model[0].middle_weight
    with pytest.raises(ModelError, match="middle_weight of layer 2 is middle_weight of layer 0"):
        propose(model)
    assert len(quantise(model, inputs()).layers) == 2


def test_a_shared_relu_is_trained_as_two():
    model = shared_relu()
    form = propose(model)
    assert [layer.relu for layer in form.layers] == [True, True, False]
    assert len(initial_state(model, form).layers) == 3


def doubled(module, args, output):
    return 2 * output


def halved(module, args):
    return (args[0] / 2,)


def hook_on(path, register, hook):
    model = nn.Sequential(nn.Flatten(), ClosNet([ClosShape(16, 16, 4, 4, 4)] * 2), nn.ReLU())
    getattr(model.get_submodule(path), register)(hook)
    return model


@pytest.mark.parametrize(
    ("path", "register", "hook"),
    [
        (path, register, hook)
        for path in ("", "0", "1", "1.layers.1", "2")
        for register, hook in (
            ("register_forward_hook", doubled),
            ("register_forward_pre_hook", halved),
        )
    ],
)
def test_hooks_are_refused(path, register, hook):
    model = hook_on(path, register, hook)
    message = f"layer {path or '0'} has a hook of its own.*{hook.__name__}"
    with pytest.raises(ModelError, match=message):
        quantise(model, inputs())
    with pytest.raises(ModelError, match="has a hook of its own"):
        propose(model)


def test_hooks_of_a_convolutions_parts_are_refused():
    conv = ClosConv2d(16, 16, (4, 4, 4))
    conv.parts[0].register_forward_hook(doubled)
    with pytest.raises(ModelError, match="layer 0.parts.0 has a hook"):
        quantise(nn.Sequential(conv), torch.rand(2, 16, 3, 3))


def test_hooks_on_gradients_are_refused_where_a_layer_is_trained():
    model = nn.Sequential(clos())
    model[0].register_full_backward_hook(lambda module, into, out: None)
    with pytest.raises(ModelError, match="layer 0 has a hook of its own .backward_hooks"):
        propose(model)
    assert len(quantise(model, inputs()).layers) == 1


class Halved(nn.Dropout):
    def forward(self, x):
        return x / 2


class Called(nn.Identity):
    def __call__(self, x):
        return -x


def of_its_own():
    layer = clos()
    layer.forward = lambda x: x
    return layer


def test_a_layer_of_ours_with_a_forward_of_its_own_is_refused():
    with pytest.raises(ModelError, match="layer 1 is a ClosLinear, a ClosLinear with a forward of"):
        quantise(nn.Sequential(clos(), of_its_own()), inputs())


@pytest.mark.parametrize("module", [Halved(), Called()], ids=lambda m: type(m).__name__)
def test_a_forward_of_its_own_is_what_is_computed(module):
    model, x = nn.Sequential(clos(), module), inputs()
    words = quantise(model, x)
    assert len(words.layers) == 1
    assert (words.infer(x) - model(x).double()).abs().max() < 1e-3


@pytest.mark.parametrize("start", [0, 2, -2])
def test_flatten_that_does_something_is_refused(start):
    message = {0: r"makes \[16 N\] of \[N, 16\]", 2: "Dimension out of range", -2: "flatten\\(1\\)"}
    with pytest.raises(ModelError, match=f"layer 0.* Flatten .*{message[start]}"):
        quantise(nn.Sequential(nn.Flatten(start), clos()), inputs())


def pruned():
    model = nn.Sequential(clos(), nn.ReLU(), clos(16, 8))
    for layer in (model[0], model[2]):
        prune.random_unstructured(layer, "input_weight", amount=0.4)
        prune.l1_unstructured(layer, "output_weight", amount=3)
        prune.random_unstructured(layer, "output_weight", amount=0.2)
    return model


def normed():
    model = nn.Sequential(clos(), nn.ReLU(), clos(16, 8))
    parametrizations.weight_norm(model[0], "input_weight")
    parametrizations.spectral_norm(model[2], "output_weight")
    return model


@pytest.mark.parametrize("build", [pruned, normed])
@pytest.mark.parametrize("training", [True, False])
def test_computed_weights_are_taken_as_they_infer(build, training):
    model = build().train(training)
    words = quantise(model, inputs())
    assert model.training == training and model[0].training == training
    x = inputs(7)
    error = (words.infer(x) - model.eval()(x)).abs().max()
    assert error < 1e-3


def test_a_pruned_weight_that_has_changed_since_is_masked_anew():
    model, x = pruned(), inputs()
    model(x).square().sum().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * parameter.grad
    words = quantise(model, x)
    assert (words.infer(x) - model(x)).abs().max() < 1e-3
    assert int((words.layers[0].input_weight == 0).sum()) >= 0.4 * model[0].input_weight.numel()


@pytest.mark.parametrize("build", [pruned, normed])
def test_computed_weights_are_not_trained(build):
    model = build()
    with pytest.raises(ModelError, match="layer 0 has weights that are masked or computed"):
        propose(model)


def test_a_pruned_weight_that_is_made_plain_is_trained():
    model = nn.Sequential(clos())
    prune.random_unstructured(model[0], "input_weight", amount=0.4)
    prune.remove(model[0], "input_weight")
    assert len(propose(model).layers) == 1


@pytest.mark.parametrize(
    "model", ["model.pt", None, clos, [clos()]], ids=["path", "None", "function", "list"]
)
def test_what_is_no_module_is_refused(model):
    with pytest.raises(ModelError, match="model must be a torch module, .*load_model"):
        quantise(model, inputs())


def test_reading_a_model_changes_nothing(monkeypatch):
    model, x = pruned(), inputs()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before = torch.get_rng_state()
    quantise(model, x)
    assert torch.get_rng_state().equal(before)
    assert all(tensor.equal(state[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_models_of_other_real_types_are_taken(dtype):
    model = nn.Sequential(clos(), nn.ReLU(), clos(16, 8)).to(dtype)
    words, x = quantise(model, inputs()), inputs()
    assert (words.infer(x) - model.double()(x.double())).abs().max() < 1e-3


def test_complex_weights_are_refused():
    model = clos()
    model.input_weight = nn.Parameter(model.input_weight.detach().to(torch.complex64))
    with pytest.raises(ModelError, match="layer 0: input_weight must be of real numbers, not"):
        clos_chain(model)


def test_functools_partial_hook_has_a_name_in_the_message():
    model = nn.Sequential(clos())
    model.register_forward_hook(functools.partial(doubled))
    with pytest.raises(ModelError, match="forward_hooks: partial"):
        quantise(model, inputs())
