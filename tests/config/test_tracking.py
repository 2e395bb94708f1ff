"""What is printed of a URI holds no password."""

import pytest

from slipway.config.tracking import without_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:secret@host:5000/a", "http://host:5000/a"),
        ("http://token@host/a", "http://host/a"),
        ("at http://u:p@ss/wo=rd@host: failed with http://u:p@host.", "at http://host: failed with http://host."),
        ("postgresql+psycopg://u:p@host/runs", "postgresql+psycopg://host/runs"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("mail me@work", "mail me@work"),
    ],
)
def test_user_and_password_are_left_out_and_nothing_else(text: str, shown: str) -> None:
    assert without_password(text) == shown
