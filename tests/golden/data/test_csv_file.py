"""Tables in CSV: read as they are written, or refused in a line that names line and column."""

import re

import numpy as np
import pytest

from golden.data.columns import Wanted
from golden.data.csv_file import csv_header, read_csv
from golden.errors import DataError

LABELLED = Wanted("c", must=True)


def read(path, text, wanted=LABELLED):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path, wanted).train


@pytest.fixture
def path(tmp_path):
    return tmp_path / "d.csv"


def test_a_table_is_read(path):
    found = read(path, 'a,c,b\n1,0,2.5\n-3e2,1,"4"\n')
    np.testing.assert_array_equal(found.x, [[1, 2.5], [-300, 4]])
    assert found.x.dtype == np.float64
    np.testing.assert_array_equal(found.labels, [0, 1])
    assert found.features == ("a", "b") and found.label == "c" and found.name == "d.csv"
    assert found.place(1) == f"{path}, line 3"


@pytest.mark.parametrize(
    "text",
    [
        "a,c\r\n1,x\r\n2,y\r\n",
        "\ufeffa,c\n1,x\n2,y",
        " a , c \n 1 , x \n 2, y \n\n\n",
        '"a","c"\n"1","x"\n2,y\n',
    ],
    ids=["CRLF", "mark of the order of bytes", "spaces and empty lines at the end", "quotes"],
)
def test_spellings_of_one_table(path, text):
    found = read(path, text)
    np.testing.assert_array_equal(found.x, [[1], [2]])
    assert found.labels == ("x", "y") and found.features == ("a",)


def test_a_cell_of_two_lines_does_not_shift_the_lines(path):
    with pytest.raises(DataError, match="line 5, column 'a' must be a number, not 'z'"):
        read(path, 'a,c\n1,"two\nlines"\n2,x\nz,x\n')


def test_columns_are_found_by_name(path):
    known = Wanted("c", features=("b", "a"))
    np.testing.assert_array_equal(read(path, "a,c,b\n1,0,2\n", known).x, [[2, 1]])
    found = read(path, "a,b\n1,2\n", known)
    np.testing.assert_array_equal(found.x, [[2, 1]])
    assert found.labels is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with a header"),
        ("\n\n", "must begin with a header"),
        ("a,c\n", "must hold a sample after its header"),
        ("1,2\n3,4\n", "must begin with a header, .*, not with the numbers 1, 2"),
        ("a;c\n1;0\n", "must separate its columns by commas, not by ';'"),
        ("a\tc\n1\t0\n", r"must separate its columns by commas, not by '\\t'"),
        (",a,c\n0,1,0\n", "column 1 must have a name in the header; pandas .* index=False"),
        ("a,a,c\n1,2,0\n", "must have one column 'a', not 2"),
        ("a,b\n1,2\n", "label must be one of a, b, not 'c': the columns of .*d.csv"),
        ("c\n1\n", "must have columns of inputs beside 'c'"),
        ("a,c\n1,0\n2\n", "line 3 must have 2 cells, as the header, not 1"),
        ("a,c\n1,0\n2,0,5\n", "line 3 must have 2 cells, as the header, not 3"),
        ("a,c\n1,0\n\n2,0\n", "line 3 must hold a sample, but is empty"),
        ("a,c\n1,0\n,0\n", "line 3, column 'a' must be a number, but is empty"),
        ("a,c\n1,0\nmale,0\n", "line 3, column 'a' must be a number, not 'male'"),
        ("a,c\n1,0\n1_0,0\n", "line 3, column 'a' must be a number, not '1_0'"),
        ('a,c\n1,0\n"1,5",0\n', "line 3, column 'a' must be a number, not '1,5'"),
        ("a,c\n1,0\nnan,0\n", "line 3, column 'a' must be a finite number of float32, not nan"),
        ("a,c\n1,0\n-inf,0\n", "line 3, column 'a' must be a finite .*, not -inf"),
        ("a,c\n1,0\n1e39,0\n", r"line 3, column 'a' must be a finite .*, not 1e\+39"),
        ("a,c\n1,0\n2,\n", "line 3, column 'c' must hold a class, but is empty"),
        ("a,c\n1,0\n2,1.5\n", r"line 3, column 'c' must hold a class, not 1.5: .* \(regression\)"),
        ("a,c\n1,0\n2,x\n", "line 3, column 'c' must hold a number, as in .*, not 'x'"),
        ("a,c\n1,x\n2,0\n", "line 3, column 'c' must hold a name, as in .*, not '0'"),
        ('a,c\n1,"0\n', "must be CSV: unexpected end of data"),
        (b"a,c\n1,\xff\n", "must be text in UTF-8, but holds the byte 0xff"),
        (b"a,c\n1,0\n2,\x00\n", "line 3, column 'c' must hold a number"),
        ("a,c\n1,0\n" + "2" * 200_000 + ",0\n", r"line 3 must be CSV: field larger"),
    ],
)
def test_what_is_wrong_is_named(path, text, message):
    with pytest.raises(DataError, match=message) as found:
        read(path, text)
    assert "\n" not in str(found.value) and len(str(found.value)) < 300


def test_names_of_two_lines_are_told_in_one(path):
    with pytest.raises(DataError, match="label must be one of a b, d, not 'c'") as refused:
        read(path, '"a\nb",d\n1,0\n')
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a,c", "must have the 2 input columns that the model was trained on, but has no 'b'$"),
        ("a,b,d,c", "but has 'd', too$"),
        ("a,b,d,e,c", r"but has 'd', too \(and 1 others\)$"),
    ],
)
def test_columns_of_another_model(path, header, message):
    wanted = Wanted("c", features=("a", "b"))
    with pytest.raises(DataError, match=message):
        read(path, f"{header}\n{','.join('1' * len(header.split(',')))}\n", wanted)


def test_what_is_no_file(path, tmp_path):
    for read_it in (csv_header, lambda path: read_csv(path, LABELLED)):
        with pytest.raises(DataError, match=re.escape(f"{path} cannot be read: No such file")):
            read_it(path)
        with pytest.raises(DataError, match="must be a file, not a folder"):
            read_it(tmp_path)
