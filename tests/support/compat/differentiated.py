"""Layers under `torch.func`, and gradients of gradients."""

import warnings

import torch
from torch.func import functional_call, grad, jacfwd, jacrev, vmap

from tests.support.compat.layers import equal, loss_of, tensors


def _parts(layer):
    return dict(layer.named_parameters()), dict(layer.named_buffers())


def vmapped(case):
    layer, x = case.make(), case.x(4)
    parameters, buffers = _parts(layer)

    def loss(given, one):
        return loss_of(functional_call(layer, (given, buffers), (one[None],)))

    found = vmap(grad(loss), (None, 0))(parameters, x)
    for index in range(len(x)):
        wanted = grad(loss)(parameters, x[index])
        equal([found[name][index] for name in wanted], list(wanted.values()))
    models = {name: torch.stack([one, 2 * one]) for name, one in parameters.items()}
    both = vmap(lambda given: tensors(functional_call(layer, (given, buffers), (x,)))[0])(models)
    equal(both[0], tensors(layer(x))[0])


def jacobians(case):
    layer, x = case.make(dtype=torch.float64), case.x(2).double()

    def first(one):
        return tensors(layer(one))[0]

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # Of PyTorch's own rules.
        equal(jacrev(first)(x), jacfwd(first)(x))


def twice(case):
    layer, x = case.make(dtype=torch.float64), case.x(2).double().requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def run(x, *given):
        return tensors(functional_call(layer, dict(zip(names, given, strict=True)), (x,)))[0]

    given = [one.detach().clone().requires_grad_() for one in layer.parameters()]
    assert torch.autograd.gradgradcheck(run, (x, *given), fast_mode=True)
