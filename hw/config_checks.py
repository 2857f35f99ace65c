"""What is checked of a configuration, and the error that says so."""

import dataclasses

__all__ = ["ConfigError", "check_known", "check_ranges", "check_whole"]


class ConfigError(ValueError):
    """A field of a configuration has a value that makes no hardware."""

    exit_status = 2


def check_whole(config) -> None:
    """Refuse a field that is not a whole number, but for a part named `training`."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name != "training" and (isinstance(value, bool) or not isinstance(value, int)):
            raise ConfigError(f"{field.name} must be a whole number, not {value!r}")


def check_ranges(config, ranges: dict[str, tuple[int, int]]) -> None:
    """Refuse a field outside its range, both ends included."""
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        if not low <= value <= high:
            raise ConfigError(f"{name} must be {low} to {high}, not {value}")


def check_known(cls, fields: dict, what: str) -> None:
    """Refuse a key that is no field of `cls`, a `what` configuration."""
    known = {field.name for field in dataclasses.fields(cls)}
    for name in fields:
        if name not in known:
            raise ConfigError(f"{name!r} is not a field of a {what} configuration; "
                              f"known are {', '.join(sorted(known))}")
