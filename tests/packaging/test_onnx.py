"""The graph that ships says what torch says, for any batch, any length, any folder."""

import logging
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from slipway.config.compose import Order, resolve
from slipway.data.prepared import load_meta
from slipway.errors import UserError
from slipway.models.bag import Bag
from slipway.models.pretrained import Pretrained
from slipway.models.store import build, load
from slipway.packaging.bundle import token_rows
from slipway.packaging.onnx import export, optimise, quiet, torch_logits

ROOT = Path(__file__).resolve().parents[2]
MAX_LENGTH = 24
SHAPES = [(1, 1), (1, 2), (2, 1), (3, 7), (32, MAX_LENGTH), (1, MAX_LENGTH)]


def own(kind: str) -> Callable[[Path], nn.Module]:
    """Makes an untrained model of one of our kinds for the prepared data."""

    def make(prepared: Path) -> nn.Module:
        config, _ = resolve(Order({"model": kind}), conf=ROOT / "conf")
        return build(config.model, load_meta(prepared), prepared)

    return make


def bert(prepared: Path) -> nn.Module:
    """A tiny BERT with random weights, by the way that a downloaded one comes."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=load_meta(prepared).vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    return Pretrained.of({"encoder": config.to_dict(), "classes": 5, "dropout": 0.1, "pooling": "mean"})


def logits(graph: Path, ids: Tensor, mask: Tensor) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]


@pytest.mark.parametrize("make", [own("bag"), own("encoder"), bert], ids=["bag", "encoder", "bert"])
def test_an_optimised_graph_agrees_with_torch_for_every_shape(
    make: Callable[[Path], nn.Module], prepared: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = make(prepared).train()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
    rows = [np.array(row) for row in token_rows(prepared, "test")]
    export(model, tmp_path / "exported.onnx", MAX_LENGTH)
    (tmp_path / "out").mkdir()
    optimise(tmp_path / "exported.onnx", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.onnx", "model.onnx.data"]
    assert not model.training
    for batch, length in SHAPES:
        # runs of tokens that occur, so that the bag knows some of their n-grams
        drawn = np.concatenate([rows[row] for row in torch.randint(len(rows), (batch * length,))])[: batch * length]
        lengths = torch.randint(1, length + 1, (batch, 1))
        lengths[0] = length
        mask = (torch.arange(length) < lengths).long()
        ids = torch.from_numpy(drawn.astype(np.int64)).reshape(batch, length) * mask
        with torch.inference_mode():
            expected = model(ids, mask).numpy()
        assert np.abs(logits(tmp_path / "out" / "model.onnx", ids, mask) - expected).max() <= 1e-5
        assert np.abs(logits(tmp_path / "exported.onnx", ids, mask) - expected).max() <= 1e-5


def test_a_word_repeated_a_thousand_times_agrees_too(prepared: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    bag = own("bag")(prepared)
    assert isinstance(bag, Bag)
    with torch.no_grad():
        bag.wide.weight.normal_(std=3)
        bag.wide_pieces.weight.normal_(std=3)
    export(bag, tmp_path / "exported.onnx", 1000)
    token = int(token_rows(prepared, "test")[0][0])
    ids = torch.full((1, 1000), token)
    with torch.inference_mode():
        expected = bag(ids, torch.ones_like(ids)).numpy()
    assert np.abs(expected).max() > 100, "nothing to see: the logits are small"
    assert np.abs(logits(tmp_path / "exported.onnx", ids, torch.ones_like(ids)) - expected).max() <= 5e-5


def test_a_graph_holds_nothing_of_where_it_was_made(trained: Path, tmp_path: Path) -> None:
    export(load(trained), tmp_path / "exported.onnx", 48)
    (tmp_path / "out").mkdir()
    optimise(tmp_path / "exported.onnx", tmp_path / "out")
    for path in (tmp_path / "exported.onnx", tmp_path / "out" / "model.onnx"):
        content = path.read_bytes()
        for trace in (b"/site-packages/", b"File ", str(tmp_path).encode(), b"stack_trace", b"pkg."):
            assert trace not in content
        model = onnx.load(path, load_external_data=False)
        inputs = {each.name: [axis.dim_param for axis in each.type.tensor_type.shape.dim] for each in model.graph.input}
        assert inputs == {"input_ids": ["batch", "sequence"], "attention_mask": ["batch", "sequence"]}
        assert [output.name for output in model.graph.output] == ["logits"]


class Branching(nn.Module):
    """What ONNX cannot express: Python looks at the values."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.embedding(input_ids).sum(dim=1)
        return states if int(attention_mask.sum()) > 3 else -states


def test_a_full_disk_under_onnx_runtime_is_an_error_of_the_system(trained: Path, tmp_path: Path) -> None:
    export(load(trained), tmp_path / "exported.onnx", MAX_LENGTH)
    code = f"""
import errno, resource
from pathlib import Path
from slipway.packaging.onnx import optimise
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))
try:
    optimise(Path("exported.onnx"), Path("small"))
except OSError as error:
    print(errno.errorcode[error.errno])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes its data at the end
"""
    (tmp_path / "small").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "EFBIG\n", done.stderr


def test_a_model_that_cannot_be_exported_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Branching cannot be exported to ONNX: .* plain tensor operations"):
        export(Branching(), tmp_path / "exported.onnx", MAX_LENGTH)


def test_torch_answers_in_the_order_of_the_rows(prepared: Path) -> None:
    torch.manual_seed(0)
    model = own("encoder")(prepared)
    rows = [np.random.default_rng(row).integers(2, 200, 1 + row * 7 % 23).astype(np.uint16) for row in range(70)]
    together = torch_logits(model, rows, pad_id=0)
    alone = np.concatenate([torch_logits(model, [row], pad_id=0) for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_warnings_are_held_back_only_where_it_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn("inside", stacklevel=1)
            logging.getLogger("torch.onnx").warning("inside")
        warnings.warn("outside", stacklevel=1)
        logging.getLogger("torch.onnx").warning("outside")
    assert [str(each.message) for each in seen] == ["outside"]
    assert [record.message for record in caplog.records] == ["outside"]
