"""A bare handler of AutoTokenizer and the torch model, as TorchScript."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

folder = Path(os.environ["BENCHMARK_MODEL"])
facts = json.loads((folder / "model.json").read_bytes())
tokenizer = AutoTokenizer.from_pretrained(folder)
model = torch.jit.load(str(folder / "model.pt")).eval()  # type: ignore[no-untyped-call]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to an event of HTTP."""
    tokens = tokenizer(json.loads(event["body"])["texts"], padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(tokens["input_ids"], tokens["attention_mask"]) / facts["temperature"]
    scores, best = logits.softmax(dim=1).max(dim=1)
    answers = zip(best.tolist(), scores.tolist(), strict=True)
    predictions = [{"label": facts["labels"][index], "score": score} for index, score in answers]
    return {"statusCode": 200, "body": json.dumps({"predictions": predictions})}
