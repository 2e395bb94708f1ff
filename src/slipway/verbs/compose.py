"""`slipway compose`: params.yaml and conf/ become resolved.yaml."""

import yaml

from slipway.config.compose import read_order, resolve, runtime
from slipway.config.resolved import RESOLVED
from slipway.files import write_whole

WRITTEN = "# Written by `slipway compose` from params.yaml and conf/."
HEADER = f"{WRITTEN} A pull request shows here what really changes.\n"


def run() -> None:
    """Write resolved.yaml, or leave it as it is where a value is wrong."""
    order = read_order()
    _, mapping = resolve(order)
    runtime()  # what one run chooses is not written, but a mistake in it should not wait until data is prepared
    content = HEADER + yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, width=100)
    unchanged = RESOLVED.is_file() and RESOLVED.read_text(encoding="utf-8") == content
    write_whole(RESOLVED, content)
    chosen = ", ".join(f"{group} = {option}" for group, option in order.choices.items())
    print(f"{RESOLVED}: {'unchanged' if unchanged else 'written'} ({chosen})")
