"""The form offers what conf/ has, the event is Terraform's, and Dependabot looks at all pins."""

import re
from typing import Any

import yaml

from .shape import ROOT


def test_every_command_runs_in_a_bash_that_stops_at_an_error(workflows: Any) -> None:
    shells = [workflows[name]["defaults"]["run"]["shell"] for name in workflows.names()]
    shells += [step["shell"] for step in workflows["action.yml"]["runs"]["steps"] if "run" in step]
    assert set(shells) == {"bash"}


def test_the_event_is_the_one_that_terraform_sends(workflows: Any) -> None:
    target = (ROOT / "terraform" / "platform" / "github.tf").read_text(encoding="utf-8")
    sent = re.findall(r'\\"event_type\\": \\"([\w-]+)\\"', target)
    assert workflows["report.yml"]["on"]["repository_dispatch"]["types"] == sent


def test_the_form_offers_what_conf_has(workflows: Any) -> None:
    form = workflows["train.yml"]["on"]["workflow_dispatch"]["inputs"]
    for group in ("data", "model"):
        assert sorted(form[group]["options"]) == sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))
    compute = yaml.safe_load((ROOT / "conf" / "compute" / "sagemaker.yaml").read_text(encoding="utf-8"))
    assert form["instance_type"]["options"] == ["default", *compute["prices_usd"]]


def test_the_form_is_good_where_it_names_a_pull_request_alone(workflows: Any) -> None:
    # as the sweep fills it in: GitHub refuses an empty choice
    inputs = workflows["train.yml"]["on"]["workflow_dispatch"]["inputs"]
    choices = {name: told for name, told in inputs.items() if told["type"] == "choice"}
    assert choices
    assert all(told.get("default") in told["options"] for told in choices.values())
    assert not any(told.get("required") for told in inputs.values())


def test_each_field_of_the_form_reaches_the_order(workflows: Any) -> None:
    form = workflows["train.yml"]["on"]["workflow_dispatch"]["inputs"]
    [step] = [step for _, step in workflows.steps() if step.get("run") == "slipway experiment"]
    given = {name: value for name, value in step["env"].items() if name.startswith("FORM_")}
    assert set(given) == {f"FORM_{name.upper()}" for name in form if name != "pull_request"}
    assert all(f"inputs.{name.removeprefix('FORM_').lower()}" in value for name, value in given.items())


def test_dependabot_looks_at_all_that_is_pinned() -> None:
    told = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    found = {
        (each["package-ecosystem"], folder)
        for each in told
        for folder in each.get("directories", [each.get("directory")])
    }
    roots = {("terraform", f"/terraform/{path.parent.name}") for path in ROOT.glob("terraform/*/.terraform.lock.hcl")}
    dockerfiles = [*ROOT.glob("*/*Dockerfile")]
    docker = {("docker", f"/{path.parent.name}") for path in dockerfiles}
    # it reads no variables: https://github.com/dependabot/dependabot-core/issues/2057
    assert not [path for path in dockerfiles if re.search(r"(?m)^FROM .*\$", path.read_text(encoding="utf-8"))]
    assert (
        roots | docker | {("pip", "/"), ("github-actions", "/"), ("github-actions", "/.github/actions/setup")} == found
    )
