"""What is wrong with a request, as application/problem+json: https://www.rfc-editor.org/rfc/rfc9457."""

from typing import Any
from urllib.parse import quote

MEDIA_TYPE = "application/problem+json"
MOST = 20  # faults that one answer lists
# https://www.rfc-editor.org/rfc/rfc9110#section-15: releases of Python know some by older names
TITLES = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Problem(Exception):  # noqa: N818  # it is an answer
    """An answer that is an error: its status, what is wrong, and where in the body (JSON pointers)."""

    def __init__(self, status: int, detail: str, faults: list[tuple[str, str]] | None = None, allow: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.faults, self.allow = status, detail, faults or [], allow

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of the document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.faults:
            document["errors"] = [
                {"pointer": f"#{quote(where, safe='/~')}", "detail": what} for where, what in self.faults[:MOST]
            ]
        return document
