"""Service Quotas, as far as machines that train are concerned, page by page.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from hashlib import sha256
from typing import Any

from slipway.rehearsal.aws.call import AwsError, Call

PAGE = 2
TYPES = ("ml.m5.xlarge", "ml.c5.xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge")
KINDS = ("training job usage", "spot training job usage")


class Quotas:
    """The quotas of one account, by name: one machine of each type, until a test says otherwise."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {f"{each} for {kind}": 1.0 for each in TYPES for kind in KINDS}

    def knows(self, call: Call) -> bool:
        """Whether it answers the call."""
        return call.service == "servicequotas"

    def answer(self, call: Call) -> dict[str, Any]:
        """A page of ListServiceQuotas. Raises AwsError for anything else."""
        if call.action != "ListServiceQuotas" or call.body["ServiceCode"] != "sagemaker":
            raise AwsError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        names, start = sorted(self.values), int(call.body.get("NextToken", "0"))
        page = [
            {
                "ServiceCode": "sagemaker",
                "QuotaName": name,
                "QuotaCode": f"L-{sha256(name.encode()).hexdigest()[:8].upper()}",
                "Value": self.values[name],
                "Adjustable": True,
            }
            for name in names[start : start + PAGE]
        ]
        after = {"NextToken": str(start + PAGE)} if start + PAGE < len(names) else {}
        return {"Quotas": page, **after}
