"""A pull request."""

from dataclasses import dataclass, field


@dataclass
class Pull:
    """What is kept of one. `fork_point` is where its branch left the base; `mergeable` is whether both merge."""

    number: int
    title: str
    body: str | None
    user: str
    head_owner: str
    head_ref: str
    base_ref: str
    head_sha: str
    base_sha: str
    fork_point: str
    created_at: str
    updated_at: str
    draft: bool = False
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    labelled: list[tuple[str, str, str, str]] = field(default_factory=list)  # event, label, by whom and when
    approvals: dict[str, str] = field(default_factory=dict)  # by whom, of which head
    mergeable: bool | None = None
    merge_sha: str | None = None
    closed_at: str | None = None
    merged_at: str | None = None
    merged_by: str | None = None
