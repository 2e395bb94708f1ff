"""Refuses a project that could not be, before anything is written; cookiecutter renders this file, and runs it."""

import json
import sys

SOURCE = r"""{{ template_source }}"""
TOLD = json.loads(r"""{{ cookiecutter | tojson }}""")

sys.path.insert(0, SOURCE + "/hooks")
sys.dont_write_bytecode = True
from generate import check  # noqa: E402

check(SOURCE, TOLD)
