"""Hypothesis strategies for Clos shapes."""

from hypothesis import strategies as st

from golden import ClosShape


@st.composite
def clos_shapes(draw, largest=40):
    inputs, outputs = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    return ClosShape(
        inputs,
        outputs,
        draw(st.integers(1, inputs)),
        draw(st.integers(1, 8)),
        draw(st.integers(1, outputs)),
    )
