"""Model files: they come back as they were written, and damaged ones are refused."""

import dataclasses
import errno
import pickle
import random

import pytest
import torch
from torch import nn

from golden import (
    CheckpointError,
    ClosLinear,
    ClosNet,
    ClosShape,
    GoldenWarning,
    load_checkpoint,
    load_model,
    save_model,
)
from golden.data.preparation import Preparation
from golden.system.digest import content_digest

SHAPES = [ClosShape(7, 6, 3, 2, 2), ClosShape(6, 4, 2, 3, 2)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pt"


def write(path, **changes):
    """Write a good file's dict with some entries changed; None removes one."""
    model = ClosNet(SHAPES)
    content = {
        "format": 3,
        "operations": operations(*SHAPES),
        "state_dict": dict(model.state_dict()),
        "data": "digits",
        "preparation": None,
        "training": None,
    }
    for name, change in changes.items():
        content[name] = change(content[name])
    content = {name: value for name, value in content.items() if value is not ...}
    torch.save({**content, "sha256": content_digest(content)}, path)


def operations(first, *others):
    found = [("clos", *first.as_tuple())]
    for shape in others:
        found += [("relu",), ("clos", *shape.as_tuple())]
    return found


def test_model_comes_back(path):
    model = ClosNet(SHAPES)
    save_model(path, model, {"epoch": 3})
    checkpoint = load_checkpoint(path)
    x = torch.randn(5, 7)
    assert checkpoint.model(x).equal(model(x))
    assert checkpoint.model.shapes == model.shapes
    assert checkpoint.training == {"epoch": 3}
    assert load_model(path)(x).equal(model(x))


def write_format_1(path, training=None):
    model = ClosNet(SHAPES)
    content = {
        "format": 1,
        "layers": [shape.as_tuple() for shape in SHAPES],
        "state_dict": dict(model.state_dict()),
        "training": training,
    }
    torch.save(content, path)
    return model


def test_files_of_format_1_are_read_with_a_notice(path):
    model = write_format_1(path, {"dataset": "mnist10k", "epoch": 2})
    with pytest.warns(GoldenWarning, match="model.pt is of format 1, which carries no check"):
        checkpoint = load_checkpoint(path)
    x = torch.randn(5, 7)
    assert checkpoint.model(x).equal(model(x))
    assert (checkpoint.data, checkpoint.training) == ("mnist10k", {"epoch": 2})


def test_files_of_format_2_are_read(path):
    write(path, format=lambda _: 2, preparation=lambda _: ...)
    found = load_checkpoint(path)
    assert (found.data, found.preparation) == ("digits", None)


def test_a_preparation_comes_back(path):
    given = Preparation(mean=(0.1,) * 7, scale=(1 / 3,) * 7, classes=tuple("abcd"))
    save_model(path, ClosNet(SHAPES), preparation=given)
    assert load_checkpoint(path).preparation == given
    for odd in (dataclasses.replace(given, classes=tuple("abcde")), Preparation(features=("a",))):
        write(path, preparation=lambda _, odd=odd: odd.as_dict())
        with pytest.raises(CheckpointError, match="classes must be at most 4|features must be of"):
            load_checkpoint(path)


def test_the_name_of_the_data_comes_back(path):
    save_model(path, ClosNet(SHAPES), data="mnist10k")
    assert load_checkpoint(path).data == "mnist10k"
    save_model(path, ClosNet(SHAPES))
    assert load_checkpoint(path).data is None


TRAINING = {"epoch": 3, "optimiser": {0: {"step": torch.tensor(2.0), "betas": (0.9, 0.999)}}}


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_is_refused_or_changes_nothing(path, seed):
    """Three in four bits are weights; the rest is what the container says of itself."""
    rng = random.Random(seed)
    model = ClosNet([ClosShape(64, 64, 8, 8, 8)], generator=torch.Generator().manual_seed(seed))
    save_model(path, model, TRAINING, data="digits")
    whole = path.read_bytes()
    x = torch.randn(3, 64)
    refused = 0
    for _ in range(60):
        at, bit = rng.randrange(len(whole)), rng.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            found = load_checkpoint(path)
        except CheckpointError:
            refused += 1
            continue
        assert found.model(x).equal(model(x)), (seed, at, bit)
        assert (found.data, repr(found.training)) == ("digits", repr(TRAINING)), (seed, at, bit)
    assert refused > 30


def test_a_flipped_bit_of_a_weight_is_named(path):
    save_model(path, ClosNet(SHAPES))
    whole, weights = path.read_bytes(), ClosNet(SHAPES)
    weights = load_model(path).layers[0].input_weight.detach().numpy().tobytes()
    at = whole.index(weights) + 2
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(CheckpointError, match="altered or damaged since it was saved: its SHA-256"):
        load_model(path)


def test_a_sequential_is_saved_as_the_net_that_it_is(path):
    model = nn.Sequential(
        ClosLinear(7, 6, (3, 2, 2)), nn.Dropout(0.2), nn.ReLU(), ClosLinear(6, 4, (2, 3, 2), False)
    )
    save_model(path, model.train())
    x = torch.randn(5, 7)
    assert load_model(path)(x).allclose(model.eval()(x), atol=1e-6)
    assert model[3].bias is None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(ClosLinear(7, 6, (3, 2, 2)), nn.Tanh()), "layer 1 is a Tanh, which is not"),
        (nn.Sequential(nn.Linear(7, 6), nn.BatchNorm1d(6)), "layer 1 is a BatchNorm1d in train mo"),
        ("net", "model must be a torch module"),
    ],
)
def test_models_that_a_file_cannot_hold_are_refused(path, model, message):
    with pytest.raises(CheckpointError, match=f"model.pt cannot hold this model: .*{message}"):
        save_model(path, model)
    assert not path.exists()


def test_a_training_state_of_endless_depth_is_refused(path):
    state = {}
    state["again"] = state
    with pytest.raises(CheckpointError, match="cannot hold this training state: maximum recursion"):
        save_model(path, ClosNet(SHAPES), state)
    assert not path.exists()


def test_a_net_with_hooks_is_not_saved_without_them(path):
    net = ClosNet(SHAPES)
    net.layers[0].register_forward_hook(lambda module, args, output: 2 * output)
    with pytest.raises(CheckpointError, match="cannot hold this model: layer layers.0 has a hook"):
        save_model(path, net)


def test_swapped_arguments_are_named(path):
    with pytest.raises(CheckpointError, match=r"path must come first, .*: save_model\(path, net\)"):
        save_model(ClosNet(SHAPES), path)


def test_reading_draws_no_random_numbers(path):
    save_model(path, ClosNet(SHAPES))
    before = torch.get_rng_state()
    load_model(path)
    assert torch.get_rng_state().equal(before)


def test_contents_of_two_kinds_have_two_digests():
    contents = [
        {"a": [1, 2]}, {"a": (1, 2)}, {"a": [1], "b": 2}, {"a": [[1], 2]}, {"a": [1.0, 2.0]},
        {"a": ["1", "2"]}, {"a": torch.tensor([1, 2])}, {"a": torch.tensor([[1, 2]])},
        {"a": torch.tensor([1, 2]).int()}, {"a": torch.tensor([1.0, 2.0])}, {"a": b"12"},
        {"a": None}, {"a": [True, 2]}, {"b": [1, 2]}, {}, None, 0, "", [],
    ]  # fmt: skip
    assert len({content_digest(content) for content in contents}) == len(contents)


def test_saving_replaces_the_file_and_leaves_nothing_beside(path):
    save_model(path, ClosNet(SHAPES))
    model = ClosNet(SHAPES)
    save_model(path, model)
    assert load_model(path)(torch.ones(1, 7)).equal(model(torch.ones(1, 7)))
    assert [entry.name for entry in path.parent.iterdir()] == ["model.pt"]


def test_failed_save_leaves_the_old_file(path):
    save_model(path, ClosNet(SHAPES))
    before = path.read_bytes()
    message = r"training state: \['training'\]\['odd'\]\[1\] must be .*, not function"
    with pytest.raises(CheckpointError, match=message):
        save_model(path, ClosNet(SHAPES), {"odd": [1, lambda: 0]})
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["model.pt"]


def test_file_is_replaced_in_one_step(path, monkeypatch):
    save_model(path, ClosNet(SHAPES))
    before = path.read_bytes()

    def replace(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", replace)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        save_model(path, ClosNet(SHAPES))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["model.pt"]


def test_places_that_cannot_be_written_or_read(tmp_path):
    with pytest.raises(CheckpointError, match="model.pt cannot be written: there is no folder"):
        save_model(tmp_path / "missing" / "model.pt", ClosNet(SHAPES))
    with pytest.raises(CheckpointError, match="model.pt cannot be read: No such file"):
        load_model(tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        load_model(tmp_path)


def test_file_of_the_layout_of_record_is_read(path):
    write(path)
    assert load_model(path).shapes == tuple(SHAPES)


@pytest.mark.parametrize("shapes", [SHAPES, [ClosShape(64, 64, 8, 8, 8)]], ids=["small", "large"])
@pytest.mark.parametrize("keep", [0, 1, 100, 0.2, 0.5, 0.9, -1])
def test_truncated_file_is_refused(path, keep, shapes):
    save_model(path, ClosNet(shapes))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointError, match="is truncated or something else"):
        load_model(path)


@pytest.mark.parametrize(
    "content", [b"hello", pickle.dumps({"format": 1}), pickle.dumps(CheckpointError)]
)
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="must "):
        load_model(path)


def test_other_torch_files_are_refused(path):
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match="must be a model file of Clostorus, but is some"):
        load_model(path)
    torch.save(ClosNet(SHAPES), path)
    with pytest.raises(CheckpointError, match="is truncated or something else"):
        load_model(path)


def state_with(name, tensor):
    def change(state):
        return state | {name: tensor}

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": lambda _: 5}, "format must be one of 1, 2, 3, 4, those that this .*, not 5"),
        ({"format": lambda _: "2"}, "format must be one of 1, 2, 3, 4, .* not '2'"),
        ({"format": lambda _: [2]}, r"format must be one of 1, 2, 3, 4, .* not \[2\]"),
        ({"preparation": lambda _: ...}, "must hold 'preparation'"),
        ({"preparation": lambda _: {"mean": 3}}, "preparation must have the fields features, .*"),
        ({"training": lambda _: ...}, "must hold 'training'"),
        ({"data": lambda _: ...}, "must hold 'data'"),
        ({"data": lambda _: 3}, "data must be a name or None, not 3"),
        ({"training": lambda _: 3}, "training must be a dict or None, not 3"),
        ({"operations": lambda _: []}, r"layers must be a list of \(I, O, Ri, Rm, Ro\), not \[\]"),
        ({"operations": lambda _: 3}, r"layers must be a list of"),
        ({"operations": lambda _: [("clos", 7, 6)]}, r"layers must be a list"),
        ({"operations": lambda x: [x[0], x[2]]}, "Clos layers with a ReLU between any two, not"),
        ({"operations": lambda x: [*x, ("relu",), ("tanh",)]}, "Clos layers with a ReLU between"),
        (
            {"operations": lambda x: [("clos", 7, 6, 9, 2, 2), *x[1:]]},
            "input_routers must be at most",
        ),
        (
            {"operations": lambda x: [x[2], x[1], x[0]]},
            "layers must fit together: layer 1 .* in_features must be 4",
        ),
        ({"state_dict": lambda _: 1}, "state_dict must be a dict of tensors, not 1"),
        ({"state_dict": lambda _: {}}, "weights of its layers: layers.0.bias, "),
        ({"state_dict": state_with("extra", torch.ones(1))}, "weights of its layers: extra"),
        (
            {"state_dict": state_with("layers.1.bias", torch.zeros(5))},
            r"layers.1.bias must have shape \(4,\), as its layer says, not \(5,\)",
        ),
        (
            {"state_dict": state_with("layers.1.bias", torch.zeros(4, dtype=torch.int64))},
            "layers.1.bias must be a tensor of real numbers",
        ),
        (
            {"state_dict": state_with("layers.1.bias", torch.full((4,), torch.nan))},
            "layers.1.bias must be finite, but holds NaN or infinity",
        ),
    ],
)
def test_contents_that_are_wrong_are_refused(path, changes, message):
    write(path, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_model(path)


def test_layers_that_do_not_chain_are_refused(path):
    state = dict(ClosNet([SHAPES[0]]).state_dict())
    state |= {name.replace("layers.0", "layers.1"): tensor for name, tensor in state.items()}
    write(path, operations=lambda _: operations(SHAPES[0], SHAPES[0]), state_dict=lambda _: state)
    with pytest.raises(CheckpointError, match="layers must fit together.*in_features must be 6"):
        load_model(path)


def test_diverged_model_is_not_saved(path):
    model = ClosNet(SHAPES)
    with torch.no_grad():
        model.layers[0].middle_weight[0, 0, 0] = torch.inf
    with pytest.raises(CheckpointError, match="layer layers.0: middle_weight must be finite"):
        save_model(path, model)
    assert not path.exists()


@pytest.mark.parametrize("unstored", [
    lambda one: one.reshape(-1)[:1].expand(1 << 40), lambda one: one.to_sparse(),
], ids=["a trillion numbers", "sparse"])
def test_tensors_that_do_not_store_their_numbers_are_refused(path, unstored):
    content = {"format": 3, "operations": operations(*SHAPES), "data": None, "training": None,
               "preparation": None, "state_dict": dict(ClosNet(SHAPES).state_dict())}
    name = next(iter(content["state_dict"]))
    content["state_dict"][name] = unstored(content["state_dict"][name])
    torch.save({**content, "sha256": "0" * 64}, path)
    with pytest.raises(CheckpointError, match=r"\[.*\] must be a dense tensor that stores all"):
        load_model(path)


def test_weights_of_several_types_are_refused(path):
    def change(state):
        name = list(state)[1]
        return state | {name: state[name].double()}

    write(path, state_dict=change)
    with pytest.raises(CheckpointError, match="must be of torch.float32, as .* is, not of torch.f"):
        load_model(path)


@pytest.mark.parametrize("odd", [torch.zeros(3, 3), "a\nb", "\x1b[2Jgone", "\ud800"])
def test_what_a_file_holds_is_told_in_one_line(path, odd):
    """Neither lines nor what steers a terminal reaches it."""
    write(path, operations=lambda _: [odd])
    with pytest.raises(CheckpointError) as refused:
        load_model(path)
    assert str(refused.value).isprintable()
