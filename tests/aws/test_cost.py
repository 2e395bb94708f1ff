"""What AWS costs is computed in the right units, of all that Terraform makes, and is in the docs as it is printed."""

import re
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from slipway.config.compose import runtime
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.plans import Plans, Resource

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"\d+\.?\d*")
TYPE = re.compile(r'^resource "(\w+)"', re.MULTILINE)
PRICES: dict[str, Any] = {
    name: {"usd": usd, "per": per, "unit": "x", "page": "", "read": None}
    for name, usd, per in (
        ("lambda_request", 2.0, 1000), ("lambda_gb_second", 0.5, 1), ("api_request", 4.0, 1000),
        ("metric_month", 3.0, 1), ("log_gb", 10.0, 1), ("log_gb_month", 5.0, 1), ("firehose_gb", 20.0, 1),
        ("firehose_decompressed_gb", 30.0, 1), ("s3_put", 6.0, 1000), ("kms_request", 7.0, 1000),
        ("s3_gb_month", 8.0, 1), ("training_gb_month", 73.0, 1), ("alarm_month", 0.25, 1), ("ecr_gb_month", 0.5, 1),
    )
}  # fmt: skip


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/cost.py."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("cost")


@pytest.fixture
def prices(cost: ModuleType) -> Any:
    """Prices that are easy to compute with."""
    idle = {
        "aws_cloudwatch_metric_alarm": {"price": "alarm_month", "counts": "metrics"},
        "aws_ecr_repository": {"price": "ecr_gb_month", "counts": "images"},
    }
    told = {"region": "us-east-1", "prices": PRICES, "own_disks": ["ml.g5"], "idle": idle, "by_use": ["aws_sqs_queue"]}
    return cost.Prices.model_validate(told | {"free": ["aws_iam_role"]})


def test_of_every_type_of_resource_it_is_known_what_it_costs(cost: ModuleType) -> None:
    types = {kind for path in (ROOT / "terraform").rglob("*.tf") for kind in TYPE.findall(path.read_text())}
    told = cost.load()
    told.check(types)
    listed = [*told.idle, *told.by_use, *told.free]
    assert sorted(listed) == sorted(types), "once each, and none that Terraform does not make"


def test_a_resource_of_which_nothing_is_said_is_refused(cost: ModuleType, prices: Any) -> None:
    planned = [Resource("aws_iam_role", "a", {}), Resource("aws_db_instance", "b", {})]
    with pytest.raises(UserError, match=r"^aws_db_instance: .* idle, by_use or free in benchmarks/prices\.yaml\.$"):
        cost.idle(prices, planned, {})


def test_a_price_says_where_it_was_read_and_is_used(cost: ModuleType) -> None:
    told = cost.load()
    code = (ROOT / "benchmarks" / "cost.py").read_text()
    for name, price in told.prices.items():
        assert price.page.startswith("https://aws.amazon.com/"), name
        assert f'"{name}"' in code or name in {each.price for each in told.idle.values()}, name
    assert {each.price for each in told.idle.values()} <= set(told.prices)


def test_an_alarm_costs_each_metric_that_it_looks_at(cost: ModuleType, prices: Any) -> None:
    one = {"metric_name": "Errors", "metric_query": []}
    two = {"metric_query": [{"metric": [{}]}, {"metric": [{}]}, {"metric": []}]}
    alarms = [Resource("aws_cloudwatch_metric_alarm", name, each) for name, each in (("a", one), ("b", two))]
    queue = Resource("aws_sqs_queue", "c", {})
    registries = [Resource("aws_ecr_repository", name, {}) for name in "de"]
    first, second = cost.idle(prices, [*alarms, queue, *registries], {"images": 12.0})
    assert (first.what, first.quantity, first.usd) == ("aws_ecr_repository", "2, 12 GB", 6.0)
    assert (second.quantity, second.price, second.usd) == ("2, 3 metrics", "0.25 / x", 0.75)


def test_a_training_costs_hours_of_each_machine_and_its_volume(cost: ModuleType, prices: Any) -> None:
    words = ["compute=sagemaker", "compute.instance_count=2", "compute.volume_gb=50", "compute.max_hours=3"]
    compute = runtime([*words, "compute.prices_usd={ml.m5.xlarge: 0.5, ml.g5.xlarge: 4}"], ROOT / "conf").compute
    # 2 machines x 1.5 hours x 0.50; 2 x 50 GB for 1.5 of 730 hours at 73 a month; 2 GB at 8; 2 x 3 hours x 0.50
    assert cost.training(prices, compute, "ml.m5.xlarge", 1.5, 2) == pytest.approx((1.5, 15.0, 16.0, 32.5, 3.0))
    # its own disks, and the ceiling of 10 dollars
    assert cost.training(prices, compute, "ml.g5.xlarge", 1.5, 0) == pytest.approx((12.0, 0.0, 0.0, 12.0, 10.0))
    with pytest.raises(UserError, match=r"ml\.p5\.48xlarge: no price is known: add it to prices_usd in conf/"):
        cost.training(prices, compute, "ml.p5.48xlarge", 1, 0)


def test_requests_cost_what_they_would_by_hand(cost: ModuleType, prices: Any) -> None:
    function = cost.Function("name", 2048, 0.5, "hash", 60, 90)
    given = Namespace(milliseconds=9.2, cold_starts=10, cold_milliseconds=500, capture_rate=0.5, hours=73, public=True)
    lines = cost.predictions(prices, function, cost.Written(3000, 1000, 20), given, requests=1_000_000)
    assert {line.what: line.usd for line in lines} == pytest.approx(
        {
            "requests": 2000,  # 2 a thousand
            "API Gateway": 4000,
            "answering": 1_000_000 * 0.010 * 2 * 0.5,  # 10 ms are billed, of 2 GB
            "cold starts": 10 * 0.5 * 2 * 0.5,
            "metrics": 20 * 3 / 10,  # a tenth of the month
            "log": 10 * (2.0 + 0.5),  # GB: 2,000 bytes of each, 1,000 of every second
            "log, kept": 5 * 2.5 * 2,
            "captures, to S3": 20 * 0.5 * 5,  # 500,000 of 5 KB at least: 2.5 GB
            "captures, unpacked": 30 * 0.5,
            "captures, files": 6 * 73 * 12 / 1000,  # every five minutes
            "captures, key": 7 * 73 * 12 / 1000,
            "captures, kept": 8 * 0.5 * 3,
        }
    )


def test_what_the_function_writes_is_taken_from_the_function(cost: ModuleType) -> None:
    function = cost.Function("slipway-production", 1769, 0.1, "hash", 30, 90)
    one, many = cost.written(function, 1, 3), cost.written(function, 10, 3)
    assert cost.written(function, 1, 3) == one
    # eight of a request and one a class, each by service, and by service and version
    assert one.metrics == many.metrics == 2 * (8 + 3)
    assert 300 < one.captured < one.log < 3000
    assert many.captured == pytest.approx(10 * one.captured, abs=10)
    text = cost.written(cost.Function("slipway-production", 1769, 0.1, "none", 30, 90), 1, 3)
    assert one.captured - text.captured == len(f',"text_sha256":"{"0" * 64}"')


def test_a_price_reads_as_dollars(cost: ModuleType) -> None:
    told = {name: str(price) for name, price in cost.load().prices.items()}
    assert told["lambda_request"] == "0.20 / 1,000,000 requests"
    assert told["lambda_gb_second"] == "0.0000166667 / GB-second"
    assert told["dashboard_month"] == "3.00 / dashboard-month"


@pytest.mark.slow
@pytest.mark.usefixtures("provider")
def test_the_docs_hold_what_is_printed(cost: ModuleType, tmp_path: Path) -> None:
    with EmulatedAws() as aws:
        printed = cost.report(Plans(aws, tmp_path), cost.options([]))
    docs = (ROOT / "docs" / "infrastructure.md").read_text(encoding="utf-8")
    first, *_ = told = printed.splitlines()
    stands = docs[docs.index(first) :].splitlines()[: len(told)]
    for line, there in zip(told, stands, strict=True):
        # the project's name is in every line of the log
        by_name = line.startswith(("| log |", "| sum |")) and [NUMBER.sub("", each) for each in (line, there)]
        if by_name and by_name[0] == by_name[1]:
            found, expected = (list(map(float, NUMBER.findall(each))) for each in (line, there))
            assert found == pytest.approx(expected, rel=0.1)
        else:
            assert line == there, f"`python benchmarks/cost.py` prints anew:\n{printed}"
