"""What the rehearsal changes in the project's own Terraform."""

from pathlib import Path

from slipway.rehearsal.terraform import put

BEFORE = """# who hears of alarms
alert_emails = [
  "mona@example.com",
  "hubot@example.com",
]
region  = "us-east-1"   # as people have chosen it
regions = ["eu-west-1"]
"""


def test_a_value_takes_the_place_of_what_stood_there(tmp_path: Path) -> None:
    file = tmp_path / "terraform.tfvars"
    file.write_text(BEFORE, encoding="utf-8")
    put(file, alert_emails="[]", region='"eu-central-1"', more="1")
    after = '# who hears of alarms\nregions = ["eu-west-1"]\nalert_emails = []\nregion = "eu-central-1"\nmore = 1\n'
    assert file.read_text(encoding="utf-8") == after
