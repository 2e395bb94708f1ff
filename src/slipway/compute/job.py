"""What a training job is: the hash of all that its weights depend on, and what it is told."""

import hashlib
import json
from pathlib import Path
from typing import Any

from slipway.compute.image import LOCK, digests
from slipway.config.model import ModelConfig, Pretrained
from slipway.config.train import TrainConfig
from slipway.files import sha256

PACKAGE = Path(__file__).resolve().parents[1]
# what training/entry.py imports, but for what cannot change a weight (tests/compute/test_job.py holds them together)
SOURCES = (
    *("config/model.py", "config/section.py", "config/tokenizer.py", "config/train.py", "data/prepared.py", "files.py"),
    *("metrics.py", "models/*.py", "training/*.py"),
)
# what transformers reads of a folder; large encoders come in several files and an index
ENCODER = ("config.json", "*.safetensors", "*.safetensors.index.json")
# what training reads of data/prepared: no texts
PREPARED = ("*.json", "*.npy", "*/*.npy")


def job_hash(model: ModelConfig, train: TrainConfig, prepared: Path) -> str:
    """16 hex digits of configuration, prepared data, a local encoder, the code that trains and the lock of its image.

    The machine, the folder and the order of files are not in it. Raises UserError outside the project's root, where the
    lock is.
    """
    files = {path.relative_to(prepared).as_posix(): sha256(path) for path in prepared_files(prepared)}
    sources = {
        path.relative_to(PACKAGE).as_posix(): sha256(path) for pattern in SOURCES for path in PACKAGE.glob(pattern)
    }
    encoder = local_encoder(model)
    weights = [] if encoder is None else encoder_files(encoder)
    place = model.name if isinstance(model, Pretrained) and encoder else None
    whole = {
        "model": without(place, model.model_dump(mode="json")),
        "train": train.model_dump(mode="json"),
        "prepared": files,
        "encoder": {path.name: sha256(path) for path in weights},
        "source": sources,
        "lock": digests(*LOCK),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def without(place: str | None, values: Any) -> Any:
    """The values but for a folder's name, which says where an encoder (and its tokenizer) lies, not what it is."""
    if isinstance(values, dict):
        return {key: without(place, value) for key, value in values.items()}
    return None if values == place else values


def prepared_files(folder: Path) -> list[Path]:
    """The files of data/prepared that training reads."""
    return [path for name in PREPARED for path in folder.glob(name) if path.is_file()]


def encoder_files(folder: Path) -> list[Path]:
    """The files of a local encoder that training reads."""
    return [path for name in ENCODER for path in folder.glob(name) if path.is_file()]


def local_encoder(model: ModelConfig) -> Path | None:
    """The folder on this machine that a pretrained model starts from; None for every other model."""
    return Path(model.name) if isinstance(model, Pretrained) and Path(model.name).is_dir() else None
