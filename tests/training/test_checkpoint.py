"""A checkpoint that cannot be trusted does not exist."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from slipway.training.checkpoint import (
    Checkpoint,
    Timer,
    from_bytes,
    last_step,
    latest,
    pack,
    steps,
    to_bytes,
    unpack,
    write,
)


def checkpoint(value: float) -> Checkpoint:
    return Checkpoint({"weight": torch.full((300,), value)}, {"value": value})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for step in (1, 2):
        write(tmp_path, step, checkpoint(step))
    return tmp_path


def value_of(folder: Path) -> float | None:
    found = latest(folder)
    if found is None:
        return None
    assert (found.tensors["weight"] == found.state["value"]).all()
    return float(found.state["value"])


def test_the_newest_is_read_and_three_are_kept(folder: Path) -> None:
    assert value_of(folder) == 2
    for step in (10, 11):
        write(folder, step, checkpoint(step))
        assert value_of(folder) == step
    assert [path.name for path in steps(folder)] == ["step-0000000002", "step-0000000010", "step-0000000011"]


def test_two_that_are_half_there_cost_no_more_than_their_own_work(folder: Path) -> None:
    write(folder, 3, checkpoint(3))
    (folder / "step-0000000003" / "manifest.json").unlink()
    (folder / "step-0000000002" / "tensors.safetensors").unlink()
    assert value_of(folder) == 1


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert latest(tmp_path / "absent") is None


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
def test_a_flipped_byte_anywhere_is_passed_over(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = folder / "step-0000000002" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert value_of(folder) == 1
    assert "step-0000000002" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
def test_a_torn_folder_is_passed_over(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / "step-0000000002" / name).unlink()
    assert value_of(folder) == 1
    assert f"{name} is missing" in capsys.readouterr().err


def test_files_mixed_from_two_checkpoints_are_passed_over(folder: Path) -> None:
    new, old = folder / "step-0000000002", folder / "step-0000000001"
    (new / "tensors.safetensors").write_bytes((old / "tensors.safetensors").read_bytes())
    assert value_of(folder) == 1
    for name in ("manifest.json", "state.json"):
        (new / name).write_bytes((old / name).read_bytes())
    assert value_of(folder) == 1, "the manifest is whole, but of another step"


def test_a_manifest_that_lists_other_files_is_not_followed(folder: Path) -> None:
    path = folder / "step-0000000002" / "manifest.json"
    path.write_text(json.dumps({"step": 2, "files": {"../step-0000000001/state.json": "0"}}), encoding="utf-8")
    assert value_of(folder) == 1


@pytest.mark.parametrize("key", ["step", "files"])
@pytest.mark.parametrize("value", ["2", 2.0, 1e400, None, True, [], [2], [[2, 2]], {}, {"2": 2}, "état"])
def test_a_manifest_with_a_value_of_another_kind_is_passed_over(
    folder: Path, capsys: pytest.CaptureFixture[str], key: str, value: object
) -> None:
    path = folder / "step-0000000002" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}), encoding="utf-8")
    assert value_of(folder) == 1
    assert "step-0000000002: manifest.json is" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["2", "null", '"2"', "[]", "{}", "[" * 100_000, "", "\N{DEGREE SIGN}"])
def test_a_manifest_that_is_none_is_passed_over(folder: Path, content: str) -> None:
    (folder / "step-0000000002" / "manifest.json").write_text(content, encoding="latin-1")
    assert value_of(folder) == 1


def test_a_manifest_with_hashes_of_another_kind_is_passed_over(folder: Path) -> None:
    path = folder / "step-0000000002" / "manifest.json"
    path.write_text(json.dumps({"step": 2, "files": {"state.json": 1, "tensors.safetensors": None}}), encoding="utf-8")
    assert value_of(folder) == 1


def test_what_cannot_be_read_is_passed_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "step-0000000009").touch()
    (folder / "step-0000000002" / "manifest.json").unlink()
    (folder / "step-0000000002" / "manifest.json").mkdir()
    assert value_of(folder) == 1
    assert capsys.readouterr().err.count("it cannot be read") == 2


def test_what_a_killed_process_was_writing_is_removed(folder: Path) -> None:
    torn = folder / ".step-0000000003.new"
    torn.mkdir()
    (torn / ".tensors.safetensors.new").write_bytes(b"half")
    assert value_of(folder) == 2
    write(folder, 4, checkpoint(4))
    assert sorted(path.name for path in folder.iterdir()) == [f"step-000000000{step}" for step in (1, 2, 4)]


def test_a_full_disk_warns_and_leaves_the_last_one(folder: Path) -> None:
    code = f"""
import resource, signal
from pathlib import Path
import torch
from slipway.training.checkpoint import Checkpoint, write_or_warn
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
written = write_or_warn(Path({str(folder)!r}), 3, Checkpoint({{"weight": torch.ones(100_000)}}, {{}}))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # coverage writes its data at the end
raise SystemExit(written)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning: no checkpoint at step 3" in done.stderr
    assert "the disk is full" in done.stderr
    assert value_of(folder) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["step-0000000001", "step-0000000002"]


def test_a_second_one_of_the_same_step_leaves_the_first_until_it_is_whole(tmp_path: Path) -> None:
    write(tmp_path, 3, checkpoint(1), kept=1)
    code = f"""
import os, signal
from pathlib import Path
from slipway.training.checkpoint import Checkpoint, write
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write(Path({str(tmp_path)!r}), 3, Checkpoint({{}}, {{}}), kept=1)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert value_of(tmp_path) == 1
    for value in (2, 3):
        write(tmp_path, 3, checkpoint(value), kept=2)
        assert value_of(tmp_path) == value
    assert [path.name for path in steps(tmp_path)] == ["step-0000000003-0001", "step-0000000003-0002"]


def test_one_that_did_not_verify_outlives_no_later_one(folder: Path) -> None:
    write(folder, 9, checkpoint(9))
    (folder / "step-0000000009" / "manifest.json").unlink()
    write(folder, 3, checkpoint(3), kept=1)
    assert [path.name for path in steps(folder)] == ["step-0000000003"]


def test_the_step_of_the_last_one_that_verifies_is_told(folder: Path) -> None:
    assert last_step(folder) == 2
    (folder / "step-0000000002" / "manifest.json").unlink()
    assert last_step(folder) == 1
    assert last_step(folder / "absent") is None


def test_names_are_on_disk_before_an_older_one_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, list[str]]] = []
    sync = os.fsync

    def watched(number: int) -> None:
        synced.append((Path(f"/proc/self/fd/{number}").readlink().name, [path.name for path in steps(folder)]))
        sync(number)

    monkeypatch.setattr(os, "fsync", watched)
    write(folder, 3, checkpoint(3), kept=1)
    before = ["step-0000000001", "step-0000000002"]
    assert synced[-2:] == [(".step-0000000003.new", before), (folder.name, [*before, "step-0000000003"])]


def test_optimizers_go_on_as_if_never_stopped(tmp_path: Path) -> None:
    def make() -> tuple[nn.Sequential, list[torch.optim.Optimizer]]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Linear(4, 2))
        sparse = torch.optim.SparseAdam(network[0].parameters(), lr=0.1)
        return network, [torch.optim.AdamW(network[1].parameters(), lr=0.1, fused=True), sparse]

    def steps_of(network: nn.Sequential, optimizers: list[torch.optim.Optimizer], tokens: list[int]) -> None:
        for token in tokens:
            network(torch.tensor([token, 1])).square().sum().backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

    network, optimizers = make()
    steps_of(network, optimizers, [1, 2, 3])
    write(tmp_path, 3, pack(optimizers))
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    steps_of(network, optimizers, [2, 5])
    again, fresh = make()
    again.load_state_dict(weights)
    frozen = latest(tmp_path)
    assert frozen is not None
    unpack(fresh, frozen.tensors, frozen.state)
    steps_of(again, fresh, [2, 5])
    assert all(torch.equal(left, right) for left, right in zip(network.parameters(), again.parameters(), strict=True))


def test_all_checkpoints_but_the_first_take_two_percent_of_the_time_at_most(tmp_path: Path) -> None:
    large = Checkpoint({"weight": torch.ones(2_000_000)}, {})
    began, took = time.monotonic(), []
    timer = Timer(0.001)
    while len(took) < 4:
        if not timer.due():
            continue
        so_far = time.monotonic() - began
        if took:
            assert timer.spent + took[-1] <= 0.02 * so_far + 1e-3, "one more of the kind is more than 2 %"
        before = timer.spent
        with timer.writing():
            write(tmp_path, len(took), large)
        took.append(timer.spent - before)
    assert min(took) > 0.002, "nothing to see"


def test_a_checkpoint_that_takes_no_time_comes_when_it_is_asked_for() -> None:
    for every, later in ((300.0, 300.0), (0.0, 0.0)):
        timer = Timer(every)
        assert timer.due_at - timer.began == later
        with timer.writing():
            pass
        assert timer.due_at - timer.began == pytest.approx(later, abs=0.1)


def test_another_process_gets_the_checkpoint_as_it_is() -> None:
    sent = from_bytes(to_bytes(checkpoint(2)))
    assert sent is not None
    assert sent.state == {"value": 2}
    assert torch.equal(sent.tensors["weight"], checkpoint(2).tensors["weight"])
    assert from_bytes(to_bytes(None)) is None
