"""Comments are paged, edited by who may, and bounded."""

from slipway.rehearsal.github import GitHub

from .conftest import Job

TALK = {"issues": "write"}


def test_a_job_speaks_as_the_bot(github: GitHub, pull: int) -> None:
    job = Job(github, github.token_for(TALK))
    made = job.ask("POST", f"issues/{pull}/comments", {"body": "<!-- slipway -->"}).json()
    assert (made["user"]["login"], made["user"]["type"]) == ("github-actions[bot]", "Bot")
    job.ask("PATCH", f"issues/comments/{made['id']}", {"body": "again"})
    [told] = job.ask("GET", f"issues/{pull}/comments").json()
    assert (told["body"], told["user"]["login"]) == ("again", "github-actions[bot]")


def test_all_pages_are_found_by_their_links(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    for number in range(7):
        octocat.comment(pull, f"comment {number}")
    found = []
    answer = octocat.ask("GET", f"issues/{pull}/comments", per_page=3)
    assert set(answer.links) == {"next", "last"}
    while True:
        found += [each["body"] for each in answer.json()]
        if "next" not in answer.links:
            break
        url = answer.links["next"]["url"]
        assert url.startswith(github.url)
        answer = octocat.ask("GET", url.partition("/texts/")[2])
    assert found == [f"comment {number}" for number in range(7)]
    assert octocat.ask("GET", f"issues/{pull}/comments", per_page="many").status_code == 422


def test_a_comment_has_a_length_and_is_not_empty(github: GitHub, pull: int) -> None:
    job = Job(github, github.token_for(TALK))
    assert job.ask("POST", f"issues/{pull}/comments", {"body": "x" * 65536}).status_code == 201
    assert job.ask("POST", f"issues/{pull}/comments", {"body": "x" * 65537}).status_code == 422
    assert job.ask("POST", f"issues/{pull}/comments", {"body": " "}).status_code == 422
    assert job.ask("POST", "issues/99/comments", {"body": "x"}).status_code == 404


def test_another_ones_comment_is_edited_by_who_may_write_alone(github: GitHub, pull: int) -> None:
    number = github.as_user().comment(pull, "mine")
    body = {"body": "yours"}
    assert github.as_user("reader", "read").ask("PATCH", f"issues/comments/{number}", body).status_code == 403
    assert github.as_user("writer", "write").ask("PATCH", f"issues/comments/{number}", body).ok


def test_a_label_that_is_not_there_is_not_taken_away(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    octocat.label(pull, "in need")
    assert octocat.ask("DELETE", f"issues/{pull}/labels/train").status_code == 404
    assert octocat.ask("DELETE", f"issues/{pull}/labels/in%20need").json() == []


def test_a_label_that_nobody_made_is_made_by_who_may(github: GitHub, pull: int) -> None:
    octocat, helper = github.as_user(), github.as_user("helper", "triage")
    job = Job(github, github.token_for({"pull-requests": "write"}))
    body = {"labels": ["train"]}
    for who in (job, helper):
        refused = who.ask("POST", f"issues/{pull}/labels", body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "unauthorized")
    assert octocat.ask("GET", "labels/train").status_code == 404
    assert job.ask("POST", "labels", {"name": "train"}).status_code == 403
    assert octocat.do("POST", "labels", {"name": "train", "color": "ff0000"})["color"] == "ff0000"
    assert octocat.ask("POST", "labels", {"name": "Train"}).status_code == 422
    assert octocat.do("GET", "labels/train")["name"] == "train"
    assert [each["color"] for each in job.ask("POST", f"issues/{pull}/labels", body).json()] == ["ff0000"]
    assert Job(github, github.token_for(TALK)).ask("POST", f"issues/{pull}/labels", {"labels": ["new"]}).ok
    assert github.violations == []


def test_who_set_a_label_and_took_it_away_is_told(github: GitHub, pull: int) -> None:
    octocat, helper = github.as_user(), github.as_user("helper", "triage")
    octocat.label(pull, "train")
    helper.unlabel(pull, "train")
    helper.label(pull, "train")
    told = octocat.do("GET", f"issues/{pull}/events")
    assert [(each["event"], each["actor"]["login"], each["label"]["name"]) for each in told] == [
        ("labeled", "octocat", "train"),
        ("unlabeled", "helper", "train"),
        ("labeled", "helper", "train"),
    ]
    assert github.violations == []
