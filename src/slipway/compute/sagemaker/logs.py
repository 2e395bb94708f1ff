"""A training job's log, from CloudWatch: /aws/sagemaker/TrainingJobs has one stream a machine and start."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from slipway.compute.sagemaker.words import Expired, Unreachable, code, in_words
from slipway.errors import UserError

GROUP = "/aws/sagemaker/TrainingJobs"
MOST_PAGES = 1000  # at one look


class JobLog:
    """Reads the log of the job `name`, each event once; `logs` is a boto3 client."""

    def __init__(self, logs: Any, name: str) -> None:
        self.logs, self.name = logs, name
        # where the next look at each stream begins
        self.tokens: dict[str, str | None] = {}
        self.told = False

    def look(self) -> list[str]:
        """What came since the last look; where the log may not be read, that, once.

        Raises UserError where the credentials end or AWS does not answer.
        """
        try:
            with in_words("CloudWatch Logs"):
                return [*self._new_lines()]
        except (Expired, Unreachable):
            raise
        except UserError as error:  # who may train hears of the rest all the same
            lines = [] if self.told else [f"(its log cannot be read: {error})"]
            self.told = True
            return lines

    def _new_lines(self) -> Iterator[str]:
        """What came since the last look; with several machines each line begins with its machine."""
        for stream in self._streams():
            self.tokens.setdefault(stream, None)
        machines = {stream.split("/")[1].rpartition("-")[0] for stream in self.tokens}
        for stream in sorted(self.tokens):
            machine = stream.split("/")[1].rpartition("-")[0]
            for text in self._events(stream):
                # a bar is drawn of the first machine's progress; it alone reports any
                yield text if len(machines) == 1 or machine == "algo-1" else f"[{machine}] {text}"

    def _streams(self) -> list[str]:
        pages = self.logs.get_paginator("describe_log_streams")
        try:
            found = pages.paginate(logGroupName=GROUP, logStreamNamePrefix=f"{self.name}/")
            return [str(stream["logStreamName"]) for page in found for stream in page["logStreams"]]
        except ClientError as error:
            if code(error) == "ResourceNotFoundException":
                return []  # the account's first training job has no group before it says something
            raise

    def _events(self, stream: str) -> Iterator[str]:
        for _ in range(MOST_PAGES):
            token = self.tokens[stream]
            more = {"nextToken": token} if token else {}
            answer = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **more)
            for event in answer["events"]:
                yield str(event["message"]).rstrip("\n")
            self.tokens[stream] = str(answer["nextForwardToken"])
            # an empty page may stand before a full one; the same token again is the end
            if self.tokens[stream] == token:
                return
