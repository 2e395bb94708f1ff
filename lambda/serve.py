"""The service on a laptop, with the try-it page: `make serve`."""

from service import Service
from settings import Settings
from web import create_app

app = create_app(Service(Settings.of_environment()), page=True, threads=True)
