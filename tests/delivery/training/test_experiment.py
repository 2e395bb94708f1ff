"""The form is really composed before anything is made; what is no plain value is refused, naming the field."""

from pathlib import Path

import pytest
import yaml

from slipway.config.compose import read_order, resolve
from slipway.delivery.training.experiment import read_form
from slipway.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


def test_a_form_becomes_an_order_that_composes(tmp_path: Path, checkout: Path) -> None:
    form = {
        "FORM_NAME": "wider-bag",
        "FORM_DATA": "banking77",
        "FORM_MODEL": "encoder",
        "FORM_VALUES": "train.epochs=5 model.lr=0.01\ncard.owner='the team'\r\ngate.on_tie.champion=promote",
        "FORM_INSTANCE_TYPE": "ml.g5.xlarge",
        "FORM_INSTANCE_COUNT": "2",
        "FORM_SPOT": "false",
    }
    asked = read_form(form, checkout)
    assert asked.branch == "experiment/wider-bag"
    assert asked.compute == (
        "compute.instance_types=[ml.g5.xlarge]",
        "compute.instance_count=2",
        "compute.spot=false",
    )
    (tmp_path / "params.yaml").write_text(asked.params, encoding="utf-8")
    order = read_order(tmp_path / "params.yaml", ROOT / "conf")
    found, _ = resolve(order, ROOT / "conf", tmp_path / "params.yaml")
    assert (found.data.name, found.model.kind, found.train.epochs) == ("banking77", "encoder", 5)
    assert (found.model.lr, found.card.owner, found.gate.on_tie.champion) == (0.01, "the team", "promote")


def test_an_empty_form_asks_for_what_the_checkout_does(checkout: Path) -> None:
    asked = read_form({"FORM_NAME": "again"}, checkout)
    assert yaml.safe_load(asked.params) == yaml.safe_load((checkout / "params.yaml").read_text(encoding="utf-8"))
    assert asked.compute == ()


def test_values_of_the_form_win_over_those_of_the_checkout_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    (tmp_path / "params.yaml").write_text(
        "data: aws_docs\nmodel: bag\nset: {train: {epochs: 3, seed: 1}, model.width: 32}\n", encoding="utf-8"
    )
    asked = read_form({"FORM_NAME": "a", "FORM_VALUES": "train.epochs=4 model.width=16"}, tmp_path)
    assert yaml.safe_load(asked.params)["set"] == {"train": {"epochs": 4, "seed": 1}, "model.width": 16}


BAD = {
    "name: '' must be": {"FORM_NAME": ""},
    "name: '../main' must be": {"FORM_NAME": "../main"},
    "name: 'a..b' must be": {"FORM_NAME": "a..b"},
    "name: 'Upper' must be": {"FORM_NAME": "Upper"},
    "name: '-x' must be": {"FORM_NAME": "-x"},
    "name: 'x\\ny' must be": {"FORM_NAME": "x\ny"},
    "of 50 characters at most": {"FORM_NAME": "x" * 51},
    "the form: params.yaml: model: conf/model has no 'bags'; did you mean 'bag'?": {"FORM_MODEL": "bags"},
    "the form: params.yaml:": {"FORM_VALUES": "train.epoch=5"},
    "train.epochs": {"FORM_VALUES": "train.epochs=many"},
    "greater than": {"FORM_VALUES": "train.epochs=0"},
    "'train.epochs' is no KEY=VALUE": {"FORM_VALUES": "train.epochs"},
    "'~train.epochs=1' is no KEY=VALUE": {"FORM_VALUES": "~train.epochs=1"},
    "'+train.x=1' is no KEY=VALUE": {"FORM_VALUES": "+train.x=1"},
    "'hydra.run.dir=/tmp' is no KEY=VALUE": {"FORM_VALUES": "hydra.run.dir=/tmp"},
    "'model=bag' is no KEY=VALUE": {"FORM_VALUES": "model=bag"},
    "compute.role: where it is trained": {"FORM_VALUES": "compute.role=arn:aws:iam::1:role/x"},
    "tracking.uri: where it is trained": {"FORM_VALUES": "tracking.uri=http://evil"},
    "compute: where it is trained": {"FORM_VALUES": "compute=local"},
    "'${' may not be in it": {"FORM_VALUES": "card.owner=${oc.env:AWS_SECRET_ACCESS_KEY}"},
    "'$(' may not be in it": {"FORM_VALUES": "card.owner=$(id)"},
    "'`' may not be in it": {"FORM_VALUES": "card.owner=`id`"},
    "'\\x00' may not be in it": {"FORM_VALUES": "card.owner=a\0b"},
    "model: '$(' may not be in it": {"FORM_MODEL": "$(id)"},
    "conf/data has no '../../etc'": {"FORM_DATA": "../../etc"},
    "cannot be split into words": {"FORM_VALUES": "card.owner='open"},
    "is no value of YAML": {"FORM_VALUES": "card.owner={a"},
    "a password or key seems to be in it": {"FORM_VALUES": "card.owner=AKIAIOSFODNN7EXAMPLE"},
    "values: a password or key": {"FORM_VALUES": "card.owner=https://me:hunter2@host/x"},
    "more than 4000 characters": {"FORM_VALUES": "card.owner=" + "x" * 4000},
    "instance type: 'g5.xlarge'": {"FORM_INSTANCE_TYPE": "g5.xlarge"},
    "instance type: 'ml.g5.xlarge,compute.role=x'": {"FORM_INSTANCE_TYPE": "ml.g5.xlarge,compute.role=x"},
    "no price of ml.p5.48xlarge is known": {"FORM_INSTANCE_TYPE": "ml.p5.48xlarge"},
    "needs another training image": {"FORM_INSTANCE_TYPE": "ml.trn1.2xlarge"},
    "instance count: '0'": {"FORM_INSTANCE_COUNT": "0"},
    "instance_count": {"FORM_INSTANCE_COUNT": "21"},
    "spot: 'yes' must be true or false": {"FORM_SPOT": "yes"},
}


@pytest.mark.parametrize("said", BAD)
def test_what_is_no_plain_value_is_refused_in_words(said: str, checkout: Path) -> None:
    with pytest.raises(UserError) as error:
        read_form({"FORM_NAME": "x"} | BAD[said], checkout)
    assert said in str(error.value).replace(f"{checkout}/", "")
    assert "hunter2" not in str(error.value)
