"""Layers in training: distributed, checkpointed, and with the optimisers of PyTorch."""

import contextlib
import tempfile
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from tests.support.compat.layers import Part, equal, gradients, loss_of, tensors


@contextlib.contextmanager
def group():
    """One process as a group of its own, by the library of CPUs."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"file://{Path(folder) / 'store'}"
        dist.init_process_group("gloo", init_method=store, rank=0, world_size=1)
        try:
            yield
        finally:
            dist.destroy_process_group()


def parallel(case):
    wanted = gradients(case.make(), case.x(6))
    with group():
        model = DistributedDataParallel(case.make())
        for _ in range(2):  # From the second step on the buckets are in their order.
            model.zero_grad()
            loss_of(model(case.x(6))).backward()
        found = {name: one.grad for name, one in model.module.named_parameters()}
    equal([found[name] for name in wanted], list(wanted.values()))


def sharded(case):
    wanted = gradients(case.make(), case.x(6))
    with group():
        mesh = dist.device_mesh.init_device_mesh("cpu", (1,))
        model = fully_shard(case.make(), mesh=mesh)
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", message=".*returned a view tensor")
            result = model(case.x(6))
        loss_of(result).backward()
        found = {name: one.grad.full_tensor() for name, one in model.named_parameters()}
    equal([found[name] for name in wanted], list(wanted.values()))
    return "warns that the result is a view, which must not be changed in place" if caught else ""


def checkpointed(case):
    layer, x = case.make(), case.x(6)
    wanted = gradients(layer, x)
    for reentrant in (False, True):
        layer.zero_grad()
        given = x.clone().requires_grad_()  # What the older kind needs.
        # Of results within results, the older kind has no gradients.
        found = checkpoint(lambda x: tuple(tensors(layer(x))), given, use_reentrant=reentrant)
        loss_of(found).backward()
        equal([one.grad for one in layer.parameters()], list(wanted.values()))


def _learns(case, make):
    layer, x = case.make(), case.x(6)
    wanted = [torch.zeros_like(one) for one in tensors(layer(x))]
    optimiser = make(layer)

    def loss():
        optimiser.zero_grad()
        pairs = zip(tensors(layer(x)), wanted, strict=True)
        value = sum(nn.functional.mse_loss(found, want) for found, want in pairs)
        value.backward()
        return value.detach()

    first = float(loss())
    for _ in range(10):
        optimiser.step(loss)
    assert float(loss()) < first
    assert all(one.isfinite().all() for one in layer.parameters())


def optimised(case):
    for kind, options in (
        (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
        (torch.optim.AdamW, {"lr": 0.01, "foreach": True}),
        (torch.optim.AdamW, {"lr": 0.01, "fused": True}),
        (torch.optim.NAdam, {"lr": 0.01}),
        (torch.optim.RMSprop, {"lr": 0.001}),
        (torch.optim.Adafactor, {"lr": 0.01}),
        (torch.optim.LBFGS, {"lr": 0.05, "max_iter": 2}),
    ):
        _learns(case, lambda layer, k=kind, o=options: k(layer.parameters(), **o))


def by_muon(case):
    """Muon takes matrices alone: the others go to another optimiser, as biases do."""
    named = [
        (name, one) for name, one in case.make().named_parameters()
        if not name.rpartition(".")[2].startswith("bias")
    ]  # fmt: skip
    others = sorted({f"{one.ndim}-D" for _, one in named if one.ndim != 2})
    matrices = [name for name, one in named if one.ndim == 2]
    for name, one in named:
        if one.ndim != 2:
            try:
                torch.optim.Muon([one])
            except ValueError:
                continue
            raise AssertionError(f"Muon takes {name}, which is {one.ndim}-D")
    if matrices:
        def make(layer):
            return torch.optim.Muon([layer.get_parameter(name) for name in matrices], lr=0.01)

        _learns(case, make)
    if not others:
        return None
    return Part(f"{len(matrices)} of {len(named)} weights; the others are {' and '.join(others)}")
