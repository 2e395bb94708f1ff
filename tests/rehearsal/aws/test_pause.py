"""An account that was made once is where several stories begin: each in a process that was forked of it."""

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from slipway.rehearsal.aws.account import EmulatedAws

LARGE = os.urandom(6_000_000)  # more than is kept in memory


def in_a_fork(act: Callable[[], None]) -> None:
    """Do something in a forked process; fails where it fails."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def others() -> set[threading.Thread]:
    """The threads of this process before there is an account: a worker of pytest-xdist has some of its own."""
    return set(threading.enumerate())


def test_what_a_forked_account_does_the_one_that_it_came_from_does_not_know(
    others: set[threading.Thread], texts: Any
) -> None:
    aws: EmulatedAws = texts.aws
    aws.client("s3").create_bucket(Bucket="texts")
    aws.client("s3").put_object(Bucket="texts", Key="a", Body=LARGE)
    assert texts.invoke({})[0]["number"] == 1
    aws.pause()
    assert set(threading.enumerate()) <= others
    address = aws.url

    def change() -> None:
        aws.resume()
        try:
            assert aws.client("s3").get_object(Bucket="texts", Key="a")["Body"].read() == LARGE
            aws.client("s3").put_object(Bucket="texts", Key="b", Body=b"b")
            aws.client("iam").create_role(RoleName="another", AssumeRolePolicyDocument="{}")
            aws.client("lambda").update_alias(FunctionName="texts", Name="live", Description="changed")
            assert b'"number": 1' in aws.ask("texts", {}).payload
            aws.registry.critical("1", "CVE-1")
        finally:
            aws.__exit__()

    in_a_fork(change)
    in_a_fork(change)
    aws.resume()
    assert aws.environment["AWS_ENDPOINT_URL"] == aws.url != address
    objects = aws.client("s3").list_objects_v2(Bucket="texts")["Contents"]
    assert [each["Key"] for each in objects] == ["a"]
    assert aws.client("s3").get_object(Bucket="texts", Key="a")["Body"].read() == LARGE
    assert aws.client("lambda").get_alias(FunctionName="texts", Name="live")["Description"] == ""
    assert "another" not in {each["RoleName"] for each in aws.client("iam").list_roles()["Roles"]}
    assert aws.registry.findings == {}
    assert b'"number": 1' in aws.ask("texts", {}).payload


def test_an_account_is_not_paused_while_something_is_under_way(
    account: EmulatedAws, create: Callable[..., str]
) -> None:
    account.wait_line(create(work="wait"), "waiting")
    with pytest.raises(RuntimeError, match="job-1 must end first"):
        account.pause()


def test_a_paused_account_is_closed_all_the_same(account: EmulatedAws, create: Callable[..., str]) -> None:
    account.wait(create(), "Completed")
    account.pause()
    account.__exit__()
    assert not account.folder.exists()
