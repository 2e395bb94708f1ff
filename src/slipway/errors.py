"""The one error that a person is meant to read."""


class UserError(Exception):
    """Something the user can mend: the message says what is wrong, where, and how to mend it.

    A verb that raises it ends with exit status 2 and prints the message without a traceback.
    """
