"""A training step in plain Python integers, weight by weight from the definition: an oracle.

It shares nothing with `golden.fixed.training` but the numbers that it is given: stages are lists of
(weight index, input index, result index), and every weight is visited by itself.
"""

import itertools
from fractions import Fraction

import numpy as np

from golden.layers.dense import DenseShape

TAPS = 0x80200003


def clip(value, bits):
    return min(max(value, -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def connections(shape):
    """Per stage that has weights, all (weight index, input index, result index)."""
    if isinstance(shape, DenseShape):
        pairs = itertools.product(range(shape.out_features), range(shape.in_features))
        return ([((j, i), (i,), (j,)) for j, i in pairs],)
    inputs, outputs, ri, rm, ro = shape.as_tuple()
    router_in = [r for r, block in enumerate(np.array_split(range(inputs), ri)) for _ in block]
    router_out = [o for o, block in enumerate(np.array_split(range(outputs), ro)) for _ in block]
    return (
        [((i, m), (i,), (router_in[i], m)) for i in range(inputs) for m in range(rm)],
        [
            ((m, r, o), (r, m), (o, m))
            for m, r, o in itertools.product(range(rm), range(ri), range(ro))
        ],
        [((j, m), (router_out[j], m), (j,)) for j in range(outputs) for m in range(rm)],
    )


def get(tensor, index):
    return int(tensor[index])


class PythonTraining:
    """The state of `FixedTrainingNet` in dicts, and its backward pass."""

    def __init__(self, form, state, placement):
        self.form, self.placement = form, placement
        self.wires = [connections(layer.shape) for layer in form.layers]
        self.weights = [
            [{w: get(t, w) for w, _, _ in wires} for t, wires in zip(s.masters, ws, strict=True)]
            for s, ws in zip(state.layers, self.wires, strict=True)
        ]
        self.velocity = [
            [{w: get(t, w) for w, _, _ in wires} for t, wires in zip(s.velocities, ws, strict=True)]
            for s, ws in zip(state.layers, self.wires, strict=True)
        ]
        self.bias = [s.bias.tolist() for s in state.layers]
        self.bias_velocity = [s.bias_velocity.tolist() for s in state.layers]
        self.lfsr = state.lfsr.tolist()

    def accumulate(self, held, product, decay):
        if self.form.velocity_bits == 0:
            return product
        base = {15: 0, 0: held}.get(decay, held - (held >> decay) if 0 < decay < 15 else None)
        return clip(base + product, self.form.velocity_bits)

    def backward(self, stage_inputs, gradient, decay, apply, frozen):
        """Train on a sample and return [d2, d1, dx] of every layer, and the sums of the inputs."""
        form, kept = self.form, form_has_velocity(self.form)
        dy = {(j,): value for j, value in enumerate(gradient)}
        found = []
        for index in reversed(range(len(form.layers))):
            layer = form.layers[index]
            fractions = layer.activation_fraction_bits
            d_fractions = layer.gradient_fraction_bits
            top = dy
            words = []
            for stage in reversed(range(len(self.wires[index]))):
                x = stage_inputs[index][stage]
                operand_fraction = (
                    layer.master_fraction_bits[stage] - form.master_bits + form.weight_bits
                )
                old = dict(self.weights[index][stage])
                sums = {}
                for w, k, j in self.wires[index][stage]:
                    operand = old[w] >> (form.master_bits - form.weight_bits)
                    sums[k] = sums.get(k, 0) + operand * dy[j]
                if index not in frozen:
                    u = fractions[stage] + d_fractions[stage] - layer.master_fraction_bits[stage]
                    for w, k, j in self.wires[index][stage]:
                        held = self.velocity[index][stage][w]
                        new = self.accumulate(held, get(x, k) * dy[j], decay)
                        if kept:
                            self.velocity[index][stage][w] = new
                        if apply:
                            r = self.random(index, stage, w) & ((1 << u) - 1)
                            self.weights[index][stage][w] = clip(
                                old[w] - ((new + r) >> u), form.master_bits
                            )
                    if apply:
                        self.step_lfsrs(self.placement.layers[index][stage].visits)
                if stage == 0 and index == 0:
                    words.append(sums)
                    continue
                below = (
                    d_fractions[stage - 1]
                    if stage > 0
                    else form.layers[index - 1].gradient_fraction_bits[-1]
                )
                shift = operand_fraction + d_fractions[stage] - below
                dx = {
                    k: clip(round(Fraction(p, 1 << shift)), form.grad_bits)
                    for k, p in sums.items()
                }
                if stage == 0 and form.layers[index - 1].relu:
                    dx = {k: value if get(x, k) > 0 else 0 for k, value in dx.items()}
                words.append(dx)
                dy = dx
            if index not in frozen:
                self.update_bias(index, top, decay, apply, kept)
            found.append(words)
        return found[::-1]

    def update_bias(self, index, dy, decay, apply, kept):
        form, layer = self.form, self.form.layers[index]
        if isinstance(layer.shape, DenseShape) and layer.shape.cuts:
            # Biases are added to partial sums times 2**gain_bits.
            fraction = layer.gain_bits + layer.activation_fraction_bits[1]
        else:
            fraction = (
                layer.master_fraction_bits[-1] - form.master_bits + form.weight_bits
                + layer.activation_fraction_bits[-2]
            )  # fmt: skip
        c = fraction - layer.gradient_fraction_bits[-1]
        for (j,), value in dy.items():
            new = self.accumulate(self.bias_velocity[index][j], value, decay)
            if kept:
                self.bias_velocity[index][j] = new
            if apply:
                self.bias[index][j] = clip(self.bias[index][j] - (new << c), form.bias_bits)

    def random(self, index, stage, weight):
        placed = self.placement.layers[index][stage]
        state = self.lfsr[get(placed.pe, weight)]
        for _ in range(get(placed.visit, weight)):
            state = (state >> 1) ^ (TAPS if state & 1 else 0)
        return state

    def step_lfsrs(self, steps):
        for _ in range(steps):
            self.lfsr = [(s >> 1) ^ (TAPS if s & 1 else 0) for s in self.lfsr]


def form_has_velocity(form):
    return form.velocity_bits > 0
