"""Model files: they come back as they were written, and damaged ones are refused."""

import errno
import pickle

import pytest
import torch

from golden import CheckpointError, ClosNet, ClosShape, load_checkpoint, load_model, save_model

SHAPES = [ClosShape(7, 6, 3, 2, 2), ClosShape(6, 4, 2, 3, 2)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pt"


def write(path, **changes):
    """Write a good file's dict with some entries changed; None removes one."""
    model = ClosNet(SHAPES)
    content = {
        "format": 1,
        "layers": [shape.as_tuple() for shape in SHAPES],
        "state_dict": dict(model.state_dict()),
        "training": None,
    }
    for name, change in changes.items():
        content[name] = change(content[name])
    torch.save({name: value for name, value in content.items() if value is not ...}, path)


def test_model_comes_back(path):
    model = ClosNet(SHAPES)
    save_model(path, model, {"epoch": 3})
    checkpoint = load_checkpoint(path)
    x = torch.randn(5, 7)
    assert checkpoint.model(x).equal(model(x))
    assert checkpoint.model.shapes == model.shapes
    assert checkpoint.training == {"epoch": 3}
    assert load_model(path)(x).equal(model(x))


def test_saving_replaces_the_file_and_leaves_nothing_beside(path):
    save_model(path, ClosNet(SHAPES))
    model = ClosNet(SHAPES)
    save_model(path, model)
    assert load_model(path)(torch.ones(1, 7)).equal(model(torch.ones(1, 7)))
    assert [entry.name for entry in path.parent.iterdir()] == ["model.pt"]


def test_failed_save_leaves_the_old_file(path):
    save_model(path, ClosNet(SHAPES))
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        save_model(path, ClosNet(SHAPES), {"cannot be pickled": lambda: 0})
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
        ({"format": lambda _: 2}, "format must be 1, the one that this version reads, not 2"),
        ({"training": lambda _: ...}, "must hold 'training'"),
        ({"training": lambda _: 3}, "training must be a dict or None, not 3"),
        ({"layers": lambda _: []}, r"layers must be a list of \(I, O, Ri, Rm, Ro\), not \[\]"),
        ({"layers": lambda _: [(7, 6)]}, r"layers must be a list"),
        ({"layers": lambda x: [(7, 6, 9, 2, 2), x[1]]}, "input_routers must be at most"),
        ({"layers": lambda x: [x[1], x[0]]}, r"layers.0.input_weight must have shape \(6, 3\)"),
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
    layer = SHAPES[0].as_tuple()
    write(path, layers=lambda _: [layer, layer], state_dict=lambda _: state)
    with pytest.raises(CheckpointError, match="layers must fit together.*in_features must be 6"):
        load_model(path)


def test_diverged_model_is_not_saved(path):
    model = ClosNet(SHAPES)
    with torch.no_grad():
        model.layers[0].middle_weight[0, 0, 0] = torch.inf
    with pytest.raises(CheckpointError, match="layers.0.middle_weight must be finite"):
        save_model(path, model)
    assert not path.exists()
