"""The tokenizer: one tokenizer.json holds all that happens between a raw text and its token ids."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from slipway.config.tokenizer import Bpe, Pretrained, Trained, Words
from slipway.data.local import warn_where_unseen
from slipway.data.words import STOP_WORDS
from slipway.errors import UserError

PAD, UNKNOWN = "[PAD]", "[UNK]"  # ids 0 and 1
PAD_NAMES = (PAD, "<pad>", "<|pad|>", "<|endoftext|>", "</s>")
UNKNOWN_NAMES = (UNKNOWN, "<unk>", "<|endoftext|>")


def build(config: Bpe | Words | Pretrained, texts: Sequence[str]) -> Tokenizer:
    """The configured tokenizer: trained on `texts`, or a pretrained one. It truncates to `max_length`, never pads.

    A trained one gives each text that is not empty at least one token.
    Raises UserError where a pretrained one cannot be had.
    """
    tokenizer = _load(config) if isinstance(config, Pretrained) else _train(config, texts)
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_length)
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """The id that fills short rows; 0 where the tokenizer names none (the mask hides it anyway)."""
    return next((i for name in PAD_NAMES if (i := tokenizer.token_to_id(name)) is not None), 0)


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id of what the vocabulary lacks, or None where nothing can be unknown."""
    return next((i for name in UNKNOWN_NAMES if (i := tokenizer.token_to_id(name)) is not None), None)


def _train(config: Bpe | Words, texts: Sequence[str]) -> Tokenizer:
    trainer: trainers.BpeTrainer | trainers.WordLevelTrainer
    if isinstance(config, Bpe):
        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=config.vocab_size,
            min_frequency=config.min_frequency,
            special_tokens=[PAD, UNKNOWN],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
    else:
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(
            vocab_size=config.vocab_size,
            min_frequency=config.min_frequency,
            special_tokens=[PAD, UNKNOWN],
            show_progress=False,
        )
    tokenizer.normalizer = _normalizer(config)
    tokenizer.train_from_iterator(_batches(texts), trainer, length=len(texts))
    content = json.loads(tokenizer.to_str())
    # they stay in the vocabulary, but a text that spells "[PAD]" must not become one
    content["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(content))


def _normalizer(config: Trained) -> normalizers.Normalizer:
    steps: list[normalizers.Normalizer] = [normalizers.NFKC()]
    if config.lower_case:
        steps.append(normalizers.Lowercase())
    if config.strip_accents:
        steps += [normalizers.NFD(), normalizers.StripAccents(), normalizers.NFC()]
    words = STOP_WORDS if config.stop_words == "english" else config.stop_words
    if words:
        choice = "|".join(re.escape(word) for word in sorted(words))
        # not \b, which would take the t of don't for a word
        steps.append(normalizers.Replace(Regex(rf"(?i)(?<![\w'\u2019])(?:{choice})(?![\w'\u2019])"), " "))
    if config.strip_punctuation:
        steps.append(normalizers.Replace(Regex(r"[\p{P}\p{S}]+"), " "))
    if config.strip_digits:
        steps.append(normalizers.Replace(Regex(r"\p{N}+"), " "))
    # a text of which nothing is left still needs a token: attention over none has no answer
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Replace(Regex(r"\A\s*\z"), "?")]
    return normalizers.Sequence(steps)


def _batches(texts: Sequence[str], size: int = 1000) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]


def _load(config: Pretrained) -> Tokenizer:
    folder = Path(config.name)
    if folder.is_dir():
        warn_where_unseen(folder, "move it there, and change model.tokenizer.name")
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise UserError(
                f"{file} is missing: model.tokenizer.name is a folder, which must hold the model's tokenizer.json."
            )
        try:
            return Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises nothing narrower
            raise UserError(f"{file}: not a tokenizer that can be read ({error}).") from error
    try:
        return Tokenizer.from_pretrained(config.name, revision=config.revision or "main")
    except Exception as error:  # the hub's client and tokenizers raise many kinds, for one reason each
        raise UserError(
            f"model.tokenizer.name: no folder {config.name!r} here, and the hub did not give it "
            f"({' '.join(str(error).split())[:200]}). Check the name and the network, or give a local folder."
        ) from error
