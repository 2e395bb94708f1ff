"""`slipway publish FOLDER`: brings a report to its pull request."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from slipway.config.tracking import USERINFO
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import output, variable
from slipway.delivery.report.handover import read
from slipway.delivery.report.publish import publish, undelivered
from slipway.delivery.training.permit import number_of
from slipway.errors import UserError


def run(words: list[str]) -> None:
    """Commit and tell what the folder hands over about the attempt JOB at the commit SHA of PULL_REQUEST.

    Raises UserError where the handover is missing or refused, or GitHub refuses what comes of it; after a few such runs
    the comment tells of a failure.
    """
    if len(words) != 1:
        raise UserError("name the folder of the handover.")
    github = GitHub.from_environment()
    page = f"{github.url}/actions/runs/{variable('GITHUB_RUN_ID')}"
    pages = {"run": page}
    tracked = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not tracked:
        pages["report and bundle"] = f"{page}#artifacts"
        note = "The MLflow run is exported as an artifact of the run: there is no tracking server."
    else:
        pull = "slipway connect && dvc pull reports/report.html models/bundle"
        note = f"`{pull}` brings the HTML report and the bundle."
    if tracked.startswith("https://") and not USERINFO.search(tracked) and not urlsplit(tracked).query:
        pages["MLflow"] = tracked
    number = number_of({})
    sha, job = variable("SHA"), variable("JOB")
    try:
        handed = read(Path(words[0]))
        done = publish(github, handed, number, sha, job, pages, [note] if handed.files or not tracked else [])
    except UserError as error:
        # the next sweep has it made again, but not for ever
        undelivered(github, number, sha, job, str(error), pages)
        raise
    output("sha", done.head)
    said = "the branch has moved, and is left as it is" if done.moved else f"at {done.head[:12]}"
    print(f"#{number} is reported: {said}.")
