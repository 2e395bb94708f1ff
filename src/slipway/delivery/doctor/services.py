"""What else answers from elsewhere: GitHub, DVC's remote, MLflow."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from botocore.exceptions import BotoCoreError, ClientError

from slipway.config.tracking import TrackingConfig, without_password
from slipway.delivery.doctor.finding import Finding, bad, good, unknown
from slipway.delivery.doctor.machine import tool
from slipway.delivery.doctor.project import Trusted
from slipway.delivery.repository.gh import LoginError, get
from slipway.delivery.repository.needs import Needs
from slipway.delivery.repository.settings import lacking
from slipway.delivery.repository.settings import look as look_at
from slipway.errors import UserError

SECONDS = 10
VARIABLE = "SLIPWAY_DVC_REMOTE"
# `gh variable get` is younger than what distributions bring
VALUE = f'.variables[] | select(.name == "{VARIABLE}").value'
ASK = f"gh api 'repos/{{owner}}/{{repo}}/actions/variables?per_page=30' --jq '{VALUE}'"
CONNECT = f"export {VARIABLE}=$({ASK}) && slipway connect"


def github(needs: Needs | None) -> Iterator[Finding]:
    """The repository, and its variables, environments, label and rules: those as bootstrap told them, once it did."""
    yield (gh := tool("gh", (2,), ("gh", "--version"), "https://cli.github.com", "which sets GitHub's settings"))
    if gh.mend:
        return
    try:
        get("user")
        yield from _repository()
        if needs is None:
            yield unknown("what else GitHub needs is bootstrap's to say, which was not read", "make bootstrap")
            return
        found = look_at(needs)
        missing = lacking(needs, found)
    except LoginError as error:
        yield bad(str(error), "gh auth login")
        return
    except UserError as error:
        yield unknown(str(error))
        return
    for setting in missing:
        if found.private and setting.without:
            said = f"GitHub lacks {setting.name} (where your plan has no such thing: {setting.without})"
            yield unknown(said, "make bootstrap")
        else:
            yield bad(f"GitHub lacks {setting.name}", "make bootstrap")
    if not missing:
        yield good(f"{needs.repository} on GitHub has its variables, environments, label and rules")


def _repository() -> Iterator[Finding]:
    """Whether GitHub has the one that AWS is to trust, by the same numbers."""
    told = Trusted.read()
    if not told.named:
        return
    found = get(f"repos/{told.name}")
    if found is None:
        yield bad(f"GitHub shows you no repository {told.name}", told.create)
    elif told.numbered and (str(found["owner"]["id"]), str(found["id"])) != (told.owner_id, told.id):
        numbers = f"owner_id {found['owner']['id']} and id {found['id']}"
        yield bad(
            f"{told.name} on GitHub has {numbers}, which {Trusted.FILE} does not say", f"put them into {Trusted.FILE}"
        )
    else:
        yield good(f"GitHub has {found['full_name']}")


def remote(s3: Any, made: bool) -> Iterator[Finding]:
    """Where DVC keeps data and models; `s3` is a client, None where AWS does not answer; `made`: by bootstrap."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    try:
        with Repo() as repo:
            name = repo.config["core"].get("remote")
            url = repo.config["remote"].get(name, {}).get("url") if name else None
    except (DvcException, SCMError) as error:
        yield bad(
            f"DVC finds no project here ({error})",
            "git init --initial-branch=main && git add --all && git commit -m Begin",
        )
        return
    if not url:
        mend = CONNECT if made else f"make bootstrap, then {CONNECT}"
        yield unknown("DVC has no remote: data and models stay on this machine", mend)
        return
    parts = urlsplit(url)
    if parts.scheme != "s3" or s3 is None:
        yield unknown(f"DVC's remote is {without_password(url)}: not looked at")
        return
    try:
        s3.list_objects_v2(Bucket=parts.netloc, Prefix=f"{parts.path.lstrip('/')}/", MaxKeys=1)
    except (BotoCoreError, ClientError) as error:
        yield bad(f"DVC's remote {url} is closed to you ({error})", CONNECT)
    else:
        yield good(f"DVC's remote is {url}")


def mlflow(config: TrackingConfig) -> Iterator[Finding]:
    """Where runs are recorded."""
    uri = config.uri
    if uri is None:
        yield good("nothing is tracked: tracking=off")
    elif urlsplit(uri).scheme in ("http", "https"):
        shown = without_password(uri)
        try:
            answer = requests.get(f"{uri.rstrip('/')}/health", timeout=SECONDS)
        except requests.RequestException as error:
            yield bad(
                f"MLflow at {shown} does not answer ({type(error).__name__})", "start it, or mend MLFLOW_TRACKING_URI"
            )
            return
        if answer.ok:
            yield good(f"MLflow answers at {shown}")
        else:
            yield bad(
                f"MLflow at {shown} answers HTTP {answer.status_code}",
                "mend MLFLOW_TRACKING_URI, or its user and password",
            )
    elif urlsplit(uri).scheme == "arn":
        yield unknown(f"SageMaker's MLflow is asked when runs are recorded: {uri}")
    elif urlsplit(uri).scheme in ("sqlite", "file", ""):
        yield good(f"runs are recorded on this machine: {uri}")
    else:
        yield unknown(f"runs are recorded in {without_password(uri)}: not looked at")
