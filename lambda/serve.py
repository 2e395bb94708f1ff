"""The service on a laptop, with the try-it page: `make serve`."""

import sys

from manifest import BundleError
from service import Service
from settings import Settings
from web import create_app

try:
    app = create_app(Service(Settings.of_environment()), page=True, threads=True)
except (BundleError, ValueError) as error:
    sys.exit(f"error: {error}")
