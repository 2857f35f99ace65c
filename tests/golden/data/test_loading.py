"""Data of every form: read alike, split alike, and refused by file and row."""

import dataclasses
import sys

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from golden.data.loading import load_part, load_split
from golden.data.source import Source, data_files, kind_of
from golden.errors import DataError
from tests.support.own_data import FEATURES, named, numbers, write_csv

X, Y = numbers()
NAMES = named(Y)


def write(folder, form):
    """The same samples in a form; return what names them, and the label's name."""
    path = folder / f"d.{form}"
    if form == "csv":
        write_csv(path, X, NAMES)
    elif form == "parquet":
        columns = dict(zip(FEATURES, X.T, strict=True))
        kinds = pyarrow.array(NAMES).dictionary_encode()
        parquet.write_table(pyarrow.table({**columns, "kind": kinds}), path)
    elif form == "npz":
        np.savez_compressed(path, x=X, kind=np.array(NAMES))
    else:
        np.save(folder / "x.npy", X)
        np.save(folder / "y.npy", np.array(NAMES))
        return f"{folder}/x.npy,{folder}/y.npy", None
    return str(path), "kind"


@pytest.mark.parametrize("form", ["csv", "parquet", "npz", "npy"])
def test_every_form_gives_the_same_split(tmp_path, form):
    data, label = write(tmp_path, form)
    source = Source(data, label, test_fraction=0.25, split_seed=3, standardise=True)
    split = load_split(source)
    write_csv(tmp_path / "other.csv", X, NAMES)
    other = load_split(dataclasses.replace(source, data=str(tmp_path / "other.csv"), label="kind"))
    for part in ("train_x", "train_y", "test_x", "test_y"):
        np.testing.assert_array_equal(getattr(split, part), getattr(other, part))
    assert split.preparation.classes == ("ant", "zebra")
    assert len(split.test_y) == 10 and split.test_y.sum() == 5, "the same part of every class"
    again = load_split(Source(data, label), split.preparation)
    np.testing.assert_array_equal(again.train_x, split.train_x)
    known = split.preparation
    for part, x, y in (("train", split.train_x, split.train_y),
                       ("test", split.test_x, split.test_y)):
        found = load_part(Source(data, label, None, 0.25, 3), part, known, 2)
        np.testing.assert_array_equal(found.x, x)
        np.testing.assert_array_equal(found.labels, y)
    assert len(load_part(Source(data, label), "test", known, 2).x) == len(X)


def test_standardised_by_the_training_samples_alone(tmp_path):
    train = write_csv(tmp_path / "train.csv", X[:30], NAMES[:30])
    test = write_csv(tmp_path / "test.csv", X[30:] * 2, NAMES[30:])
    split = load_split(Source(str(train), "kind", str(test), standardise=True))
    wanted = (X[:30] - X[:30].mean(axis=0)) / X[:30].std(axis=0)
    np.testing.assert_allclose(split.train_x, wanted, rtol=1e-5, atol=1e-5)
    wanted = (X[30:] * 2 - X[:30].mean(axis=0)) / X[:30].std(axis=0)
    np.testing.assert_allclose(split.test_x, wanted, rtol=1e-5, atol=1e-5)


def test_an_archive_may_tell_its_parts_apart(tmp_path):
    path = tmp_path / "d.npz"
    images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
    np.savez(path, x_train=images[:4], y_train=[0, 1, 0, 1], x_test=images[4:], y_test=[1, 0])
    split = load_split(str(path))
    np.testing.assert_array_equal(split.train_x, images[:4].reshape(4, 4))
    np.testing.assert_array_equal(split.test_y, [1, 0])
    assert load_part(str(path), "test", None, 2).name == "d.npz test split"
    with pytest.raises(DataError, match="test_fraction must not be given: .* has test samples"):
        load_split(Source(str(path), test_fraction=0.5))


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_idx_files_of_any_usual_name(tmp_path):
    images = np.arange(2 * 4).reshape(2, 2, 2)
    for name in ("emnist-a-{}-images-idx3-ubyte", "{}-images.idx3-ubyte"):
        folder = tmp_path / name.partition("-")[0].strip("{}.") / "d"
        folder.mkdir(parents=True)
        for part in ("train", "test"):
            path = folder / name.format(part)
            write_idx(path, images)
            found = load_part(str(path), "test", None, 2)
            assert found.labels is None and found.x.shape == (2, 4)
            labels = path.name.replace("images", "labels").replace("idx3", "idx1")
            write_idx(folder / labels, np.array([1, 0]))
            assert load_part(str(path), "test", None, 2).labels.tolist() == [1, 0]
        assert load_split(str(folder)).test_y.tolist() == [1, 0]
    write_idx(folder / "emnist-b-train-images-idx3-ubyte", images)
    assert load_split(str(folder)).name == "d"
    with pytest.raises(DataError, match="must be a file of images, not of labels"):
        data_files(str(folder / "train-labels.idx1-ubyte"))


def test_two_sets_of_idx_files_in_a_folder(tmp_path):
    for name in ("a", "b"):
        write_idx(tmp_path / f"{name}-train-images-idx3-ubyte", np.zeros((1, 2, 2)))
    with pytest.raises(DataError, match="one dataset, not several, a-, b-: name the file of the"):
        load_split(str(tmp_path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("{d}"), "label must name the column of classes of .*d.csv, one of height, width"),
        (Source("{d}", "kind"), "test_data and test_fraction must not both be left out: nothing"),
        (Source("{d}", "knd", test_fraction=0.2), "label must be one of .*, kind, not 'knd'"),
        (Source("{d}", "kind", "{x}"), "label must not be given|must say what the classes"),
        (Source("{x}", "kind"), "label must not be given with .*: only tables and .npz"),
        (Source("{x}", test_fraction=0.2), "must say what the classes of its samples are"),
        (Source("{d}", "kind", test_fraction=0.01), "must leave one of each of 2 classes to train"),
    ],
)
def test_sources_that_do_not_fit(tmp_path, source, message):
    places = {"d": write_csv(tmp_path / "d.csv", X, NAMES), "x": tmp_path / "x.npy"}
    np.save(places["x"], X)
    changes = {name: value.format(**places) for name in ("data", "test_data")
               if (value := getattr(source, name)) is not None}
    with pytest.raises(DataError, match=message):
        load_split(dataclasses.replace(source, **changes))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("digits", "kind"), "label must not be given with digits, which has classes"),
        (("d.csv", "c", "t.csv", 0.2), "test_data and test_fraction must not both be given"),
        (("d.csv", "c", None, 1.0), "test_fraction must be above 0 and below 1, not 1.0"),
        (("d.csv", "c", None, float("nan")), "test_fraction must be above 0 .*, not nan"),
        (("d.csv", "c", None, None, 3), "split_seed and test_fraction must be given together"),
        (("d.csv", "c", None, 0.5, 1 << 32), "split_seed must be a whole number from 0 to 42949"),
    ],
)
def test_options_that_do_not_go_together(fields, message):
    with pytest.raises(DataError, match=message):
        Source(*fields)


def test_a_model_that_goes_on_keeps_its_options(tmp_path):
    data = str(write_csv(tmp_path / "d.csv", X, NAMES))
    known = load_split(Source(data, "kind", test_fraction=0.25)).preparation
    for source, message in (
        (Source(data, "width"), "label must be kind, as the model was trained, not width"),
        (Source(data, test_fraction=0.5), "test_fraction must be 0.25, as the model was"),
        (Source(data, test_fraction=0.25, split_seed=1), "split_seed must be 0, as the model"),
        (Source(data, test_data=data), "test_data must not be given: .* a part of its data, 0.25"),
        (Source(data, standardise=True), "standardise must not be given: .* without it"),
    ):
        with pytest.raises(DataError, match=message):
            load_split(source, known)


def table(**columns):
    return {**{name: X[:4, at] for at, name in enumerate(FEATURES)}, "kind": list("abab"),
            **columns}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (table(width=list("abcd")), "column 'width' must hold numbers, not string"),
        (table(width=[1.0, None, 2.0, 3.0]), "row 1, column 'width' must hold a value, but is em"),
        (table(width=[1.0, 2.0, np.nan, 3]), "row 2, column 'width' must be a finite number of fl"),
        (table(kind=["a", None, "b", "a"]), "row 1, column 'kind' must hold a value, but is empty"),
        (table(kind=[0.0, 0.5, 1, 1]), "row 1, column 'kind' must hold a class, not 0.5"),
        (table(__index_level_0__=[0, 1, 2, 3]), "holds the index of pandas, .*: write it with ind"),
    ],
)
def test_tables_of_parquet_that_are_wrong(tmp_path, columns, message):
    path = tmp_path / "d.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(DataError, match=f"d.parquet.*{message}"):
        load_split(Source(str(path), "kind", test_fraction=0.5))


@pytest.mark.parametrize(
    ("form", "package"), [("parquet", "pyarrow.parquet"), ("images", "PIL.Image")])
def test_a_missing_package_is_named(tmp_path, monkeypatch, form, package):
    data = tmp_path
    if form == "parquet":
        data, _ = write(tmp_path, form)
    else:
        (tmp_path / "1.png").touch()
    monkeypatch.setitem(sys.modules, package, None)
    name = {"parquet": "pyarrow", "images": "pillow"}[form]
    with pytest.raises(DataError, match=rf"needs the package {name} .* 'clostorus\[data\]'"):
        load_part(str(data), "test", None, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nothing", "data must be one of digits, mnist10k, a .npy, .* not 'nothing'"),
        ("d.txt", "data must be one of .*, not 'd.txt'"),
        ("a.npy,b.csv", "data must be x.npy,y.npy, inputs and their classes"),
        ("a.npy,b.npy,c.npy", "data must be x.npy,y.npy, inputs and their classes"),
        ("a\0", "data must be a name or a path"),
    ],
)
def test_what_is_no_data(data, message):
    with pytest.raises(DataError, match=message):
        data_files(data)


def test_a_comma_in_a_name(tmp_path):
    path = tmp_path / "a,b.npy"
    np.save(path, X)
    assert data_files(str(path)) == (path,) and kind_of(str(path)) == ".npy"
