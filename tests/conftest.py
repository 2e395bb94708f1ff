"""What every test may use."""

import gc
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import dvc  # noqa: F401  # it logs to what standard error is at its first import: in a test, to what ends with that
import pandas as pd
import pytest
from filelock import FileLock

# before torch is imported: threads that spin while they wait cost the other worker's tests their core
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# a repository that a test makes has none of the project's settings: DVC would tell its makers of it
os.environ["DVC_NO_ANALYTICS"] = "true"

# a shell that starts the tests in the background has this ignored, and so would all that they start
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]

# on a runner of GitHub's too, only what a test says of GitHub counts
_THEIRS = ("ACTIONS_", "GH_", "GITHUB_", "RUNNER_")
# and in a hook of git's, git looks for a repository where it is called
_REPOSITORY = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE")
for _name in [each for each in os.environ if each.startswith(_THEIRS) or each in _REPOSITORY]:
    del os.environ[_name]

# which take minutes each: begun last, one of them would keep a single process at work at the end
LONGEST = (
    "tests/aws/test_everything.py",  # makes, half of the time waiting, what others of tests/aws read
    "tests/pipeline/test_repro.py",
    "tests/compute/sagemaker/test_backend.py",
    "tests/aws/test_terraform.py",
    "tests/pipeline/test_anywhere.py",
    "tests/compute/sagemaker/test_crash.py",
    "tests/training/test_distributed.py",
    "tests/verbs/test_package.py",
)

# until all tests are imported: the libraries' million objects would be looked at again and again
gc.disable()


@pytest.fixture(scope="session")
def banking77() -> Path:
    """The folder with train.csv and test.csv of the public data set."""
    return dataset("banking77", "`make datasets` brings it")


@pytest.fixture(scope="session")
def uci_news() -> Path:
    """The folder with train.txt, valid.txt and test.txt: headlines of UCI's News Aggregator."""
    return dataset("uci_news", "the README says what it holds")


def dataset(name: str, mend: str) -> Path:
    """The folder of a public data set; skips where there is none."""
    place = os.environ.get("SLIPWAY_DATASETS", ROOT.parent / "shared" / "datasets")
    folder = Path(place).resolve() / name
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}: {mend}; SLIPWAY_DATASETS says where it lies")
    return folder


@pytest.fixture(scope="session")
def once(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Fills the folder NAME once, for all processes that run tests side by side: read it, copy it, do not change it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def once(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                made = tmp_path_factory.mktemp(name)
                fill(made)
                made.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def prepared(banking77: Path, once: Callable[..., Path]) -> Path:
    """data/prepared of ten classes of banking77."""
    return once("prepared", lambda folder: prepare(banking77, folder))


def prepare(banking77: Path, folder: Path) -> None:
    """The same."""
    from slipway.config.compose import Order, resolve
    from slipway.data.clean import clean
    from slipway.data.encode import write_prepared
    from slipway.data.split import assign
    from slipway.data.tokenizer import build

    values = {"model": {"tokenizer": {"vocab_size": 1500, "max_length": 48}}}
    config, _ = resolve(Order({"data": "banking77", "model": "bag"}, values), conf=ROOT / "conf")
    table = pd.concat(
        pd.read_csv(banking77 / f"{split}.csv").assign(split=split) for split in ("train", "test")
    ).set_axis(["text", "label", "split"], axis=1)
    table["origin"] = [f"banking77.csv:{row}" for row in range(2, len(table) + 2)]
    table = table[table["label"].isin(sorted(set(table["label"]))[:10])].reset_index(drop=True)
    rows = clean(table, config.data.clean).table
    rows["split"] = assign(rows, config.data.split)
    texts = rows.loc[rows["split"] == "train", "text"].tolist()
    write_prepared(folder, rows, build(config.model.tokenizer, texts), config.model.tokenizer.max_length)


@pytest.fixture(scope="session")
def trained(prepared: Path, once: Callable[..., Path]) -> Path:
    """models/train: a bag, really trained on `prepared`."""
    return once("models", lambda folder: train_bag(prepared, folder)) / "train"


def train_bag(prepared: Path, folder: Path) -> None:
    """The same, in this folder, with its checkpoints beside it."""
    import torch

    from slipway.config.compose import Order, resolve
    from slipway.data.prepared import load_meta, load_split
    from slipway.models.store import build, save
    from slipway.training.loop import train

    config, _ = resolve(Order({"data": "banking77", "model": "bag"}, {"train": {"epochs": 3}}), conf=ROOT / "conf")
    torch.set_num_threads(2)
    torch.manual_seed(0)
    meta = load_meta(prepared)
    splits = [load_split(prepared, name) for name in ("train", "validation")]
    model = build(config.model, meta, prepared)
    save(train(model, config.model, config.train, meta, *splits, folder / "checkpoints").model, folder / "train")


@pytest.fixture(scope="session")
def shipped(prepared: Path, trained: Path, once: Callable[..., Path]) -> Path:
    """models/bundle of `trained`."""
    return once("shipped", lambda folder: ship(prepared, trained, folder / "bundle")) / "bundle"


def ship(prepared: Path, trained: Path, folder: Path) -> None:
    """The same."""
    from slipway.config.compose import Order, resolve
    from slipway.models.store import load
    from slipway.packaging.bundle import build

    config, _ = resolve(Order({"data": "banking77", "model": "bag"}), conf=ROOT / "conf")
    build(load(trained), prepared, folder, config.serve, "banking77-bag", {"config": "0" * 64, "model": "1" * 64})


@pytest.fixture
def bundle(shipped: Path, tmp_path: Path) -> Path:
    """A copy of a real bundle, to change as a test likes."""
    return shutil.copytree(shipped, tmp_path / "bundle")


@pytest.fixture(scope="session")
def job_of() -> Callable[..., Any]:
    """Makes a small training job, of a few epochs on `prepared`, that nobody tracks."""
    from slipway.config.compose import Order, resolve
    from slipway.config.root import Resolved
    from slipway.config.tracking import TrackingConfig
    from slipway.training.layout import Job

    small = {
        "bag": {"width": 16, "hidden": 16},
        "encoder": {"width": 32, "layers": 1, "heads": 2, "expansion": 1},
        "pretrained": {},
    }

    @cache
    def composed(kind: str, values: str) -> Resolved:
        return resolve(Order({"data": "banking77", "model": kind}, json.loads(values)), conf=ROOT / "conf")[0]

    def make(kind: str = "bag", minutes: float = 5.0, digits: str = "0", model: Any = None, **train: Any) -> Job:
        values = {"model": small[kind] | (model or {}), "train": {"epochs": 3, "patience": None, "threads": 1} | train}
        config = composed(kind, json.dumps(values))
        tracking = TrackingConfig(uri=None, experiment="e", registered_model="m", system_metrics=False)
        return Job(
            hash=digits * 16, model=config.model, train=config.train, tracking=tracking, checkpoint_minutes=minutes
        )

    return make


@pytest.fixture
def trainable(prepared: Path, tmp_path: Path) -> Path:
    """A project's folder with what the stage `train` reads: a small job on `prepared`."""
    import yaml

    from slipway.config.compose import Order, resolve

    folder = tmp_path / "checkout"
    shutil.copytree(prepared, folder / "data" / "prepared")
    for name in ("conf", "docker"):
        shutil.copytree(ROOT / name, folder / name)
    order = Order({"data": "banking77", "model": "bag"}, {"train": {"epochs": 2}})
    (folder / "resolved.yaml").write_text(yaml.safe_dump(resolve(order, conf=ROOT / "conf")[1]), encoding="utf-8")
    return folder


@pytest.fixture
def make_layout(prepared: Path, tmp_path: Path) -> Callable[..., Any]:
    """Makes the folder NAME of a training job, as it is before the job begins."""
    from slipway.training.layout import Job, Layout

    def make(job: Job, name: str = "ml") -> Layout:
        layout = Layout(tmp_path / name)
        layout.write_job(job)
        shutil.copytree(prepared, layout.channel("prepared"))
        return layout

    return make


@pytest.fixture(scope="session", autouse=True)
def _described_once() -> Iterator[None]:
    """What botocore says of AWS's services is megabytes: each process reads it once, and not once a session."""
    import botocore.session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An emulated AWS account of the test's own; boto3 in this process and its children reaches nothing else."""
    import boto3

    from slipway.rehearsal.aws.account import EmulatedAws

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with EmulatedAws() as account:
        for name, value in account.environment.items():
            if name.startswith("AWS_") or name == "NO_PROXY":
                monkeypatch.setenv(name, value)
        yield account


@pytest.fixture(scope="session")
def language() -> Iterator[Any]:
    """GitHub's own parser of workflows, in one node process for all tests."""
    from slipway.errors import UserError
    from slipway.rehearsal.runner.language import Language

    try:
        found = Language()
    except UserError as error:
        pytest.skip(str(error))
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _own_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    """`main` hands its overrides on by environment: here they end with the test. What is trained is trained here."""
    for name in ("SLIPWAY_OVERRIDES", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLIPWAY_COMPUTE", "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, the others in their order."""
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on there is garbage; what was imported stays, and no collection needs to look at it again."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where all is at hand nothing may be skipped: a check that does not run is a check that does not hold."""
    if os.environ.get("SLIPWAY_NO_SKIPS") and terminalreporter.stats.get("skipped"):
        said = "error: tests were skipped, and SLIPWAY_NO_SKIPS is set"
        terminalreporter.write_line(said, red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn skips into a failure there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter is not None and reporter.stats.get("skipped")
    if os.environ.get("SLIPWAY_NO_SKIPS") and skipped and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
