"""Which optimizer moves which parameter, and how fast at each update."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from slipway.config.model import Bag as BagConfig
from slipway.config.model import ModelConfig
from slipway.models.bag import Bag

Optimizers = Sequence[torch.optim.Optimizer]


def optimizers(model: nn.Module, config: ModelConfig, weight_decay: float) -> list[torch.optim.Optimizer]:
    """AdamW for dense parameters; SparseAdam for tables whose gradients are sparse, but SGD for the n-grams of the bag.

    Each group keeps its `peak` rate. Only matrices decay. An update of a sparse embedding costs what its rows in the
    batch cost, not what the table does. Adam would move an n-gram that occurs once as far as one that occurs in every
    other text, and so learn the training rows by heart: SGD moves each by what it explains.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    tables = [each for each in model.modules() if isinstance(each, nn.Embedding | nn.EmbeddingBag) and each.sparse]
    sparse = [table.weight for table in tables if table.weight.requires_grad]
    dense = without(trained, sparse)
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            [
                {"params": [p for p in dense if p.ndim > 1], "peak": config.lr},
                {"params": [p for p in dense if p.ndim <= 1], "peak": config.lr, "weight_decay": 0.0},
            ],
            lr=config.lr,
            weight_decay=weight_decay,
            fused=True,
        )
    ]
    groups = []
    if isinstance(model, Bag) and isinstance(config, BagConfig):
        linear, pieces = [model.wide.weight], [model.wide_pieces.weight]
        found.append(torch.optim.SGD([{"params": linear, "peak": config.wide_lr}], lr=config.wide_lr))
        groups.append({"params": pieces, "peak": config.piece_lr})
        sparse = without(sparse, linear + pieces)
    if sparse:
        groups.append({"params": sparse, "peak": config.lr})
        found.append(torch.optim.SparseAdam(groups, lr=config.lr))
    return found


def without(parameters: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
    """The parameters that are none of the others, in their order."""
    known = {id(other) for other in others}
    return [parameter for parameter in parameters if id(parameter) not in known]


def set_rates(optimizers: Optimizers, share: float) -> None:
    """Give each group `share` of its peak learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share


def rate_share(step: int, total: int, warmup: float, final: float) -> float:
    """The share of the peak rate at update `step` of `total`: a linear rise, then half a cosine down to `final`."""
    rising = math.ceil(warmup * total)
    if step < rising:
        return (step + 1) / rising
    falling = (step - rising) / max(1, total - rising)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * falling))


def clip(parameters: Sequence[Tensor], most: float) -> Tensor:
    """Scale all gradients so that their joint 2-norm is at most `most`; the norm before that.

    A sparse gradient counts with its rows summed up: torch's own clipping refuses sparse gradients.
    """
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            gradients.append(parameter.grad._values())
        else:
            gradients.append(parameter.grad)
    if not gradients:
        return torch.zeros(())
    total: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, (most / (total + 1e-6)).clamp(max=1.0))
    return total
