"""CodeDeploy's applications and deployment groups, which moto keeps in part and cannot change or delete."""

import uuid
from typing import Any

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call

Found = dict[str, Any]


class CodeDeploy:
    """Applications and their deployment groups, by region."""

    def __init__(self) -> None:
        self.applications: dict[tuple[str, str], Found] = {}
        self.groups: dict[tuple[str, str, str], Found] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._actions = {
            "CreateApplication": self._create_application,
            "GetApplication": lambda call: {"application": self.application(call)},
            "DeleteApplication": self._delete_application,
            "CreateDeploymentGroup": self._create_group,
            "GetDeploymentGroup": lambda call: {"deploymentGroupInfo": self.group(call)},
            "UpdateDeploymentGroup": self._update_group,
            "DeleteDeploymentGroup": self._delete_group,
            "ListTagsForResource": self._list_tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }

    def knows(self, call: Call) -> bool:
        """Whether it answers the call itself."""
        return call.service == "codedeploy" and call.action in self._actions

    def answer(self, call: Call) -> Found:
        """The answer of AWS; raises AwsError."""
        return self._actions[call.action](call)

    def _create_application(self, call: Call) -> Found:
        key = (call.region, call.body["applicationName"])
        if key in self.applications:
            raise AwsError("ApplicationAlreadyExistsException", f"Application already exists: {key[1]}")
        self.applications[key] = {
            "applicationId": str(uuid.uuid4()),
            "applicationName": key[1],
            "computePlatform": call.body.get("computePlatform", "Server"),
        }
        self._keep_tags(call, f"application:{key[1]}")
        return {"applicationId": self.applications[key]["applicationId"]}

    def application(self, call: Call) -> Found:
        """The application that a call names; raises AwsError."""
        name = call.body["applicationName"]
        try:
            return self.applications[call.region, name]
        except KeyError:
            raise AwsError("ApplicationDoesNotExistException", f"No application found for name: {name}") from None

    def _delete_application(self, call: Call) -> Found:
        self.applications.pop((call.region, call.body["applicationName"]), None)
        return {}

    def _create_group(self, call: Call) -> Found:
        self.application(call)
        key = (call.region, call.body["applicationName"], call.body["deploymentGroupName"])
        if key in self.groups:
            raise AwsError("DeploymentGroupAlreadyExistsException", f"Deployment group already exists: {key[2]}")
        kept = {name: value for name, value in call.body.items() if name != "tags"}
        self.groups[key] = kept | {"deploymentGroupId": str(uuid.uuid4()), "computePlatform": "Lambda"}
        self._keep_tags(call, f"deploymentgroup:{key[1]}/{key[2]}")
        return {"deploymentGroupId": self.groups[key]["deploymentGroupId"]}

    def group(self, call: Call, name: str = "deploymentGroupName") -> Found:
        """The group that a call names; raises AwsError."""
        key = (call.region, call.body["applicationName"], call.body[name])
        if key not in self.groups:
            raise AwsError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {key[2]}")
        return self.groups[key]

    def _update_group(self, call: Call) -> Found:
        names = ("applicationName", "currentDeploymentGroupName", "newDeploymentGroupName")
        kept = {name: value for name, value in call.body.items() if name not in names}
        self.group(call, "currentDeploymentGroupName").update(kept)
        return {}

    def _delete_group(self, call: Call) -> Found:
        self.groups.pop((call.region, call.body["applicationName"], call.body["deploymentGroupName"]), None)
        return {}

    def _keep_tags(self, call: Call, what: str) -> None:
        arn = f"arn:aws:codedeploy:{call.region}:{ACCOUNT}:{what}"
        self.tags[arn] = {tag["Key"]: tag["Value"] for tag in call.body.get("tags", [])}

    def _list_tags(self, call: Call) -> Found:
        found = self.tags.get(call.body["ResourceArn"], {})
        return {"Tags": [{"Key": name, "Value": value} for name, value in found.items()]}

    def _tag(self, call: Call) -> Found:
        tags = {tag["Key"]: tag["Value"] for tag in call.body["Tags"]}
        self.tags.setdefault(call.body["ResourceArn"], {}).update(tags)
        return {}

    def _untag(self, call: Call) -> Found:
        for name in call.body["TagKeys"]:
            self.tags.get(call.body["ResourceArn"], {}).pop(name, None)
        return {}
