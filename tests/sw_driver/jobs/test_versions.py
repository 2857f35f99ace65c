"""Workers must be like the client: one line names what differs."""

import pytest

from sw_driver.errors import DriverError
from sw_driver.jobs.versions import PACKAGES, check_answer, check_workers, own_versions


def test_workers_like_this_process_pass():
    check_workers({"tcp://a:1": {"packages": {**own_versions(), "pandas": "1"}}})
    check_workers({})
    check_answer(own_versions())


@pytest.mark.parametrize("name", ["python", *PACKAGES])
@pytest.mark.parametrize("version", ["0.0.1", None])
def test_what_differs_is_named(name, version):
    has = "0.0.1" if version else f"no {name}"
    packages = {**own_versions(), name: version}
    with pytest.raises(DriverError, match=f"workers with {name} .*, as here, but the one at "
                                          f"tcp://b:2 has .*{has}; finished rows are kept"):
        check_workers({"tcp://a:1": {"packages": own_versions()}, "tcp://b:2": {
            "packages": packages}})
    with pytest.raises(DriverError, match=f"with {name} "):
        check_answer(packages)


def test_a_worker_that_says_nothing_is_refused():
    with pytest.raises(DriverError, match="the one at tcp://a:1 has no python"):
        check_workers({"tcp://a:1": None})
