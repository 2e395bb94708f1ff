"""What the AWS account costs: while nothing happens, for a training, and for a million requests.

    python benchmarks/cost.py [--milliseconds 5] [--texts 1] [--capture-rate 0.1] [--minutes 30] ...

- Idle: what Terraform's plans of all roots hold, both environments included, each at its price a month. What buckets,
  registries and logs hold is an assumption (--bucket-gb, --image-gb, --log-gb).
- A training: hours x machines x price of the type (conf/compute/sagemaker.yaml), hours / 730 x GB of its volume where
  the type has no disks of its own, and a month of what it leaves in S3. Spot machines cost less. At most: what
  `max_hours` and `max_cost_usd` let it cost.
- A million requests of --texts each, within one month: requests; GB-seconds of billed milliseconds at the function's
  memory, and those of cold starts; bytes that the function really logs and captures, kept as long as Terraform says;
  metrics that it really tells (each name and set of dimensions is one), for the --hours in which it is asked.

Needs Terraform; it plans against an emulated account, and asks AWS nothing. Prices are those of benchmarks/prices.yaml,
without free tiers, taxes, support, and data that leaves AWS.
"""

import argparse
import io
import json
import logging
import math
import sys
import tempfile
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field

from slipway.compute.sagemaker.price import cost_usd, limit_seconds
from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute
from slipway.delivery.terraform.root import binary
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.plans import Plans, Resource

ROOT = Path(__file__).resolve().parents[1]
PRICES = Path(__file__).with_name("prices.yaml")
HOURS = 730.0  # of a month
MILLION = 1_000_000
RECORD = 5000  # bytes that Firehose counts at least
ID = "8a1f4b7e-0000-4000-8000-000000000001"
# what Lambda itself writes of a request: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
LAMBDA_LINES = (
    f"START RequestId: {ID} Version: 12",
    f"END RequestId: {ID}",
    f"REPORT RequestId: {ID}\tDuration: 4.53 ms\tBilled Duration: 5 ms\tMemory Size: 1769 MB\tMax Memory Used: 99 MB\t",
)


class Price(BaseModel):
    """US dollars `per` so many of a unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    usd: float = Field(gt=0)
    per: int = 1
    unit: str
    page: str
    read: date | None

    def of(self, quantity: float) -> float:
        """US dollars for a quantity."""
        return self.usd * quantity / self.per

    def __str__(self) -> str:
        usd = f"{self.usd:.10f}".rstrip("0").ljust(len(f"{self.usd:.2f}"), "0")
        return f"{usd} / {self.unit if self.per == 1 else f'{self.per:,} {self.unit}s'}"


class Idle(BaseModel):
    """What is billed of a resource while nothing happens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    price: str
    counts: Literal["one", "metrics", "buckets", "images", "logs"]


class Prices(BaseModel):
    """benchmarks/prices.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    region: str
    prices: dict[str, Price]
    own_disks: tuple[str, ...]
    idle: dict[str, Idle]
    by_use: tuple[str, ...]
    free: tuple[str, ...]

    def of(self, name: str, quantity: float) -> float:
        """US dollars for a quantity of what a price is of."""
        return self.prices[name].of(quantity)

    def check(self, kinds: Iterable[str]) -> None:
        """Raises UserError for a type of resource of which nothing is said."""
        known = {*self.idle, *self.by_use, *self.free}
        if unknown := sorted(set(kinds) - known):
            raise UserError(
                f"{', '.join(unknown)}: what it costs is not known: name it under idle, by_use or free in "
                f"{PRICES.relative_to(ROOT)}."
            )


@dataclass(frozen=True)
class Line:
    """One of a table's: how much of what, at which price, in US dollars."""

    what: str
    quantity: str
    price: str
    usd: float


@dataclass(frozen=True)
class Function:
    """What Terraform says of the function that answers, and how long it keeps what the function writes."""

    name: str
    memory_mb: int
    capture_rate: float
    capture_text: str
    logs_days: int
    captures_days: int


@dataclass(frozen=True)
class Written:
    """What the function writes of one request: bytes of log, of them those that are captured, and metrics."""

    log: int
    captured: int
    metrics: int


def load(path: Path = PRICES) -> Prices:
    """The prices."""
    return Prices.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def metrics_of(alarm: dict[str, Any]) -> int:
    """How many metrics an alarm looks at."""
    return sum(len(query["metric"]) for query in alarm.get("metric_query") or []) or 1


def idle(prices: Prices, planned: list[Resource], gb: dict[str, float]) -> list[Line]:
    """What stands there a month, dearest first. Raises UserError for a resource of which nothing is said."""
    prices.check(each.type for each in planned)
    lines = []
    for kind, told in prices.idle.items():
        there = [each for each in planned if each.type == kind]
        count = sum(metrics_of(each.values) if told.counts == "metrics" else 1 for each in there)
        amount = gb.get(told.counts, count)
        quantity = f"{amount:g}" if told.counts == "one" else f"{len(there)}, {amount:g} {shown(told.counts)}"
        lines.append(Line(kind, quantity, str(prices.prices[told.price]), prices.of(told.price, amount)))
    return sorted(lines, key=lambda line: -line.usd)


def shown(counts: str) -> str:
    """What is counted."""
    return counts if counts == "metrics" else "GB"


def training(prices: Prices, compute: SageMakerCompute, kind: str, hours: float, stored_gb: float) -> tuple[float, ...]:
    """US dollars for machines, volumes, what is stored, all together, and at most. Raises UserError without a price."""
    machines = cost_usd(compute, kind, 3600 * hours)
    if machines is None:
        raise UserError(f"{kind}: no price is known: add it to prices_usd in conf/compute/sagemaker.yaml.")
    gb = 0 if kind.rpartition(".")[0] in prices.own_disks else compute.volume_gb * compute.instance_count
    volumes = prices.of("training_gb_month", gb * hours / HOURS)
    stored = prices.of("s3_gb_month", stored_gb)
    most = cost_usd(compute, kind, limit_seconds(compute, kind, 0.0)) or 0.0
    return machines, volumes, stored, machines + volumes + stored, most


def predictions(
    prices: Prices, function: Function, written: Written, given: argparse.Namespace, requests: int = MILLION
) -> list[Line]:
    """What so many requests cost, spread over the hours of a month in which the function is asked."""
    memory = function.memory_mb / 1024
    answering = requests * math.ceil(given.milliseconds) / 1000 * memory
    starting = given.cold_starts * math.ceil(given.cold_milliseconds) / 1000 * memory
    captured = requests * given.capture_rate
    log_gb = (requests * (written.log - written.captured) + captured * written.captured) / 1e9
    captured_gb = captured * written.captured / 1e9
    # at worst each request's lines are a record of their own
    records_gb = captured * RECORD * math.ceil(written.captured / RECORD) / 1e9
    files = min(captured, given.hours * 3600 / 300)
    amounts = [
        ("requests", f"{requests:,}", "lambda_request", requests),
        ("answering", f"{answering:,.0f} GB-seconds", "lambda_gb_second", answering),
        ("cold starts", f"{starting:,.0f} GB-seconds", "lambda_gb_second", starting),
        (
            "metrics",
            f"{written.metrics} for {given.hours:g} hours",
            "metric_month",
            written.metrics * given.hours / HOURS,
        ),
        ("log", f"{log_gb:.2f} GB", "log_gb", log_gb),
        ("log, kept", f"{function.logs_days} days", "log_gb_month", log_gb * function.logs_days / 30),
        ("captures, to S3", f"{records_gb:.2f} GB", "firehose_gb", records_gb),
        ("captures, unpacked", f"{captured_gb:.2f} GB", "firehose_decompressed_gb", captured_gb),
        ("captures, files", f"{files:,.0f}", "s3_put", files),
        # fewer: one for many files
        ("captures, key", f"{files:,.0f}", "kms_request", files),
        ("captures, kept", f"{function.captures_days} days", "s3_gb_month", captured_gb * function.captures_days / 30),
    ]
    if given.public:
        amounts.insert(1, ("API Gateway", f"{requests:,}", "api_request", requests))
    return [Line(what, told, str(prices.prices[name]), prices.of(name, amount)) for what, told, name, amount in amounts]


def written(function: Function, texts: int, labels: int) -> Written:
    """What the function itself writes of a request with so many texts, where every class is answered now and then."""
    sys.path.append(str(ROOT / "lambda"))
    from capture import Capture
    from observe import Observer, Told
    from predictor import Tokens

    names, model = [f"class-{number:02}" for number in range(labels)], {"name": function.name, "version": "0" * 64}
    answers = [names[number % labels] for number in range(texts)]
    scores = np.full((texts, labels), 0.05, np.float32)
    scores[range(texts), [names.index(each) for each in answers]] = 0.912345
    tokens = [Tokens(list(range(24)), False)] * texts
    said = ["how do I let another account read a bucket of mine, and only for a day"] * texts
    captured = Capture(1.0, function.capture_text).lines(ID, model, names, 0, said, tokens, scores)  # type: ignore[arg-type]
    counted = sum(len(line.encode()) for line in captured)
    request = Told(ID, "answered", 200, 4.531, "", 24 * texts, 0, answers, [0.912345] * texts)
    every = Told(ID, "answered", 200, 4.531, "", 24 * labels, 0, names, [0.912345] * labels)
    lines = [*LAMBDA_LINES, *told(Observer, model, request)]
    found = {each for line in told(Observer, model, every) for each in metrics_in(json.loads(line))}
    return Written(counted + sum(len(line.encode()) for line in lines), counted, len(found))


def told(observer: Any, model: dict[str, str], request: Any) -> list[str]:
    """The lines that the function's observer writes of a request."""
    # a logger is made once, with the standard output of that moment
    logging.root.manager.loggerDict.pop(model["name"], None)
    with redirect_stdout(io.StringIO()) as out:
        observer(model).request(request)
    return out.getvalue().splitlines()


def metrics_in(line: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    """The metrics that CloudWatch takes from a line, and bills: each name with each set of dimensions."""
    for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
        for names in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                yield (metric["Name"], *((name, line[name]) for name in names))


def function_of(production: list[Resource], platform: list[Resource]) -> Function:
    """What Terraform says of production's function."""
    found = {each.name: each.values for each in [*production, *platform]}
    function = found["aws_lambda_function.this"]
    variables = function["environment"][0]["variables"]
    rules = found["module.captures.aws_s3_bucket_lifecycle_configuration.this"]["rule"]
    [captures_days] = [each["expiration"][0]["days"] for each in rules if each["id"] == "expire-all"]
    return Function(
        function["function_name"],
        function["memory_size"],
        float(variables["SLIPWAY_CAPTURE_RATE"]),
        variables["SLIPWAY_CAPTURE_TEXT"],
        found["aws_cloudwatch_log_group.this"]["retention_in_days"],
        captures_days,
    )


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown, whose last column is numbers."""
    heads = [*headings]
    lines = [heads, [*["---"] * (len(heads) - 1), "---:"], *([*row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bill(lines: list[Line]) -> str:
    """A table of lines with their sum."""
    rows = [[each.what, each.quantity, each.price, f"{each.usd:.2f}"] for each in lines]
    return table(
        ["", "how much", "USD each", "USD together"], [*rows, ["sum", "", "", f"{sum(x.usd for x in lines):.2f}"]]
    )


def report(plans: Plans, given: argparse.Namespace) -> str:
    """The three tables."""
    prices = load()
    platform, production = plans("platform"), plans("serving", "production")
    planned = [*plans("bootstrap"), *platform, *plans("serving", "staging"), *production]
    gb = {"buckets": given.bucket_gb, "images": given.image_gb, "logs": given.log_gb}
    function = function_of(production, platform)
    if given.capture_rate is None:
        given.capture_rate = function.capture_rate
    compute = runtime(["compute=sagemaker"], ROOT / "conf").compute
    assert isinstance(compute, SageMakerCompute)
    kinds = given.types or compute.instance_types
    trainings = [(kind, training(prices, compute, kind, given.minutes / 60, given.stored_gb)) for kind in kinds]
    machines = f"{compute.instance_count} machine{'s' if compute.instance_count > 1 else ''}"
    return "\n\n".join(
        [
            "Idle, a month, both environments; all other resources cost nothing until they are used:",
            bill(idle(prices, planned, gb)),
            f"A training of {given.minutes:g} minutes on {machines}, {given.stored_gb:g} GB of it kept for a month:",
            table(
                ["", "machines", "volumes", "S3", "USD together", "USD at most"],
                [[kind, *(f"{usd:.2f}" for usd in each)] for kind, each in trainings],
            ),
            f"A million requests of {given.texts} text, {given.milliseconds:g} ms each, {given.labels} classes, "
            f"{given.cold_starts:,} cold starts of {given.cold_milliseconds:g} ms, {given.capture_rate:.0%} captured:",
            bill(predictions(prices, function, written(function, given.texts, given.labels), given)),
        ]
    )


def options(words: list[str] | None = None) -> argparse.Namespace:
    """What is assumed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--bucket-gb", type=float, default=10, help="what all buckets hold together")
    add("--image-gb", type=float, default=10, help="what both registries hold together, compressed")
    add("--log-gb", type=float, default=1, help="what all logs hold together, compressed")
    add("--minutes", type=float, default=30, help="that a training takes")
    add("--stored-gb", type=float, default=1, help="inputs, checkpoints and result of a training")
    add("--types", nargs="+", help="of machines for training; those of conf/compute/sagemaker.yaml if not given")
    add(
        "--milliseconds", type=float, default=5, help="of a request; benchmarks/footprint.py measures it: MiniLM's size"
    )
    add("--texts", type=int, default=1, help="of a request")
    add("--labels", type=int, default=15, help="classes of the model")
    add("--cold-starts", type=int, default=1000)
    add("--cold-milliseconds", type=float, default=1000)
    add("--capture-rate", type=float, help="share of the requests; what production's Terraform says if not given")
    add("--hours", type=float, default=HOURS, help="of the month in which the function is asked at all")
    add("--public", action="store_true", help="through API Gateway")
    return parser.parse_args(words)


def main() -> None:
    """Print the tables."""
    given = options()
    try:
        binary()
    except UserError as error:
        # `make bench` goes on with what it can measure
        print(f"nothing computed: {error}")
        return
    with EmulatedAws() as aws, tempfile.TemporaryDirectory() as folder:
        print(report(Plans(aws, Path(folder)), given))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
