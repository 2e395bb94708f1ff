"""What is said of a pull request as of any issue: labels and comments."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import NOT_FOUND, Answer, Call, Json, RefusedError, known
from slipway.rehearsal.github.event import now, pulled
from slipway.rehearsal.github.pulls import check_body, of, wrong

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


@dataclass
class Comment:
    """What somebody said."""

    id: int
    number: int  # of the pull request
    user: str
    body: str
    created_at: str
    updated_at: str


def get_label(github: "GitHub", call: Call) -> Answer:
    """A label of the repository."""
    known(github.labels, call.words["name"])
    return Answer(200, forms.label(github, call.words["name"]))


def create_label(github: "GitHub", call: Call) -> Answer:
    """One that pull requests may be given."""
    name = call.body["name"]
    if name.lower() in [each.lower() for each in github.labels]:
        raise wrong("Label", "name", "name already exists", "already_exists")
    _make_label(github, name, call.body.get("color", "ededed"), call.body.get("description", ""))
    return Answer(201, forms.label(github, name))


def _make_label(github: "GitHub", name: str, color: str, description: str) -> None:
    if not name or len(name) > 50:
        raise wrong("Label", "name", "name is too long (maximum is 50 characters)")
    github.labels[name] = {"id": github.next_id(), "color": color, "description": description}


def list_labels(github: "GitHub", call: Call) -> Answer:
    """The labels of one pull request."""
    return call.page(forms.label(github, name) for name in of(github, call, "issue_number").labels)


def add_labels(github: "GitHub", call: Call) -> Answer:
    """Those that it has not yet; each tells workflows. One that is not known is made by who may make it.

    https://github.com/orgs/community/discussions/156181
    """
    pull = of(github, call, "issue_number")
    names = [each if isinstance(each, str) else each["name"] for each in call.body.get("labels", [])]
    for name in names:
        if name.lower() in [each.lower() for each in pull.labels]:
            continue
        if name not in github.labels:
            granted, role = call.caller.permissions, call.caller.role
            if role in ("read", "triage") or (granted is not None and granted.get("issues") != "write"):
                told = {"resource": "Repository", "field": "label", "code": "unauthorized"}
                raise RefusedError(403, "You do not have permission to create labels on this repository.", told)
            _make_label(github, name, "ededed", "")
        pull.labels.append(name)
        pull.updated_at = now()
        pull.labelled.append(("labeled", name, call.caller.login, pull.updated_at))
        pulled(github, "labeled", pull, call.caller, {"label": forms.label(github, name)})
    return list_labels(github, call)


def remove_label(github: "GitHub", call: Call) -> Answer:
    """404 where it has no such label."""
    pull, name = of(github, call, "issue_number"), call.words["name"]
    if name not in pull.labels:
        raise RefusedError(404, "Label does not exist")
    pull.labels.remove(name)
    pull.updated_at = now()
    pull.labelled.append(("unlabeled", name, call.caller.login, pull.updated_at))
    pulled(github, "unlabeled", pull, call.caller, {"label": forms.label(github, name)})
    return list_labels(github, call)


def list_events(github: "GitHub", call: Call) -> Answer:
    """What happened to its labels, the oldest first (GitHub tells of more)."""
    pull = of(github, call, "issue_number")
    found = []
    for at, (name, label, login, when) in enumerate(pull.labelled):
        number = pull.number * 1000 + at
        told: Json = {"id": number, "node_id": forms.node("LabeledEvent", number), "event": name, "created_at": when}
        told |= {"url": f"{github.api}/issues/events/{number}", "actor": forms.user(github, login)}
        told |= {"commit_id": None, "commit_url": None, "performed_via_github_app": None}
        known_as = forms.label(github, label)
        found.append(told | {"label": {key: known_as[key] for key in ("name", "color")}})
    return call.page(found)


def _comment(github: "GitHub", told: Comment) -> Json:
    url, pull = f"{github.api}/issues/comments/{told.id}", f"{github.api}/issues/{told.number}"
    found = {"id": told.id, "node_id": forms.node("IssueComment", told.id), "url": url, "issue_url": pull}
    found |= {"html_url": f"{github.site}/pull/{told.number}#issuecomment-{told.id}", "body": told.body}
    found |= {"user": forms.user(github, told.user), "author_association": "NONE", "performed_via_github_app": None}
    return found | {"created_at": told.created_at, "updated_at": told.updated_at}


def list_comments(github: "GitHub", call: Call) -> Answer:
    """The oldest first."""
    pull = of(github, call, "issue_number")
    since = call.query.get("since", "")
    told = [each for each in github.comments_of(pull.number) if each.updated_at >= since]
    return call.page(_comment(github, each) for each in told)


def create_comment(github: "GitHub", call: Call) -> Answer:
    """Say something."""
    pull = of(github, call, "issue_number")
    _check(call.body["body"])
    told = Comment(github.next_id(), pull.number, call.caller.login, call.body["body"], now(), now())
    github.comments[told.id] = told
    return Answer(201, _comment(github, told))


def update_comment(github: "GitHub", call: Call) -> Answer:
    """Say it anew: one's own, or as who may write."""
    told = _own(github, call)
    _check(call.body["body"])
    told.body, told.updated_at = call.body["body"], now()
    return Answer(200, _comment(github, told))


def delete_comment(github: "GitHub", call: Call) -> Answer:
    """Take it back."""
    del github.comments[_own(github, call).id]
    return Answer(204)


def _own(github: "GitHub", call: Call) -> Comment:
    told: Comment = known(github.comments, call.number("comment_id"))
    if call.caller.login != told.user and call.caller.role not in ("write", "maintain", "admin"):
        raise RefusedError(403, "Must have push access to repository.")
    return told


def _check(body: str) -> None:
    if not body.strip():
        raise wrong("IssueComment", "body", "body can't be blank", "missing_field")
    check_body("IssueComment", body)


def collaborator_permission(github: "GitHub", call: Call) -> Answer:
    """What a person may do: maintain is told as write, and triage as read."""
    login = call.words["username"]
    if login not in github.people:
        raise RefusedError(*NOT_FOUND)
    role = github.role_of(login)
    permission = {"maintain": "write", "triage": "read"}.get(role, role)
    if role == "none" and github.plan == "public":
        role = permission = "read"
    return Answer(200, {"permission": permission, "role_name": role, "user": _collaborator(github, login, role)})


def _collaborator(github: "GitHub", login: str, role: str) -> Json:
    permissions = forms.repository(github, role=role)["permissions"]
    return forms.user(github, login) | {"role_name": role, "permissions": permissions}
