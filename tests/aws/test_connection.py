"""The token for GitHub is put into EventBridge as the docs say."""

import json
import re
import shlex
from pathlib import Path

from slipway.rehearsal.aws.account import EmulatedAws

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"^aws events update-connection (.+) <<END\n(.+)\nEND$", re.MULTILINE)


def test_the_command_in_the_docs_changes_the_token_of_terraforms_connection(aws: EmulatedAws) -> None:
    words, document = COMMAND.findall((ROOT / "docs" / "infrastructure.md").read_text(encoding="utf-8"))[0]
    given = dict(zip(*[iter(shlex.split(words))] * 2, strict=True))
    file = (ROOT / "terraform" / "platform" / "github.tf").read_text(encoding="utf-8")
    connection = file[file.index('resource "aws_cloudwatch_event_connection"') :]
    kind, key = (re.findall(rf'\b{name} += "(\w+)"', connection)[0] for name in ("authorization_type", "key"))
    assert '"${var.project}-github"' in connection
    told = json.loads(document.replace("$TOKEN", "github_pat_1"))
    ours = "slipway-github"
    assert (given["--name"], given["--authorization-type"]) == (ours, kind)
    assert given["--auth-parameters"] == "file:///dev/stdin", "not among the words that others see"
    assert told["ApiKeyAuthParameters"]["ApiKeyName"] == key

    events = aws.client("events")
    before = {"ApiKeyAuthParameters": {"ApiKeyName": key, "ApiKeyValue": "put-in-by-hand"}}
    events.create_connection(Name=ours, AuthorizationType=kind, AuthParameters=before)
    # botocore knows the form of the request, and refuses another
    events.update_connection(Name=given["--name"], AuthorizationType=kind, AuthParameters=told)
    assert events.describe_connection(Name=ours)["ConnectionState"] == "AUTHORIZED"
