"""What files of pictures show, whatever version of which program drew them."""

import io
import re
import xml.etree.ElementTree

from PIL import Image

__all__ = ["bars", "description", "texts"]

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_BAR = re.compile(r"([a-z_]+)_(\w+(?:\.\w+)?)_(-?\d+)_(-?\d+)")


def texts(svg):
    """All texts of an SVG file, in its order."""
    root = xml.etree.ElementTree.fromstring(svg)
    return ["".join(one.itertext()) for one in root.iter(f"{_NAMESPACE}text")]


def bars(svg):
    """The bars that `schedule_svg` has drawn: (lane, name, start, end), in the file's order."""
    root = xml.etree.ElementTree.fromstring(svg)
    found = [_BAR.fullmatch(one.get("id", "")) for one in root.iter(f"{_NAMESPACE}g")]
    return [(one[1], one[2], int(one[3]), int(one[4])) for one in found if one]


def description(png):
    """The lines of what a PNG file says of itself."""
    with Image.open(io.BytesIO(png)) as image:
        return image.info["Description"].split("\n")
