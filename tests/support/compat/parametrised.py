"""Layers whose weights are pruned or computed from others."""

from torch.nn.utils import parametrizations, prune

from tests.support.compat.layers import Part, loss_of, weights_of


def _trains(case, change, wanted=lambda weight: True):
    """Change every weight that a rule takes, and train; return those that it does not take."""
    layer, x = case.make(), case.x(5)
    taken, left = [], []
    for owner, name in list(weights_of(layer)):
        (taken if wanted(getattr(owner, name)) else left).append((owner, name))
    for owner, name in taken:
        change(owner, name)
    loss_of(layer(x)).backward()
    assert all(one.grad is not None for one in layer.parameters())
    return len(taken), [f"{getattr(owner, name).ndim}-D" for owner, name in left]


def pruned(case):
    layer, x = case.make(), case.x(5)
    for owner, name in list(weights_of(layer)):
        prune.l1_unstructured(owner, name, 0.5)
        assert (getattr(owner, name) == 0).any()
    loss_of(layer(x)).backward()
    for owner, name in [(owner, name[:-5]) for owner, name in weights_of(layer)]:
        prune.remove(owner, name)
    assert sum(int((one == 0).sum()) for one in layer.parameters())


def weight_norm(case):
    _trains(case, parametrizations.weight_norm)


def orthogonal(case):
    taken, left = _trains(
        case, parametrizations.orthogonal, lambda weight: weight.ndim >= 2
    )  # fmt: skip
    if not left:
        return None
    others = " and ".join(sorted(set(left)))
    return Part(f"{taken} of {taken + len(left)} weights; the others are {others}")
