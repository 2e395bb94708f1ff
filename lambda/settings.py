"""What the environment says about serving; all else comes with the bundle."""

import os
from dataclasses import dataclass
from pathlib import Path

from capture import Capture

MEMORY_OF_A_CORE = 1769  # MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html


@dataclass(frozen=True)
class Settings:
    """What the environment says; the rest comes with the bundle."""

    bundle: Path
    capture: Capture
    threads: int
    page: bool = False

    @classmethod
    def of_environment(cls) -> "Settings":
        """Raises ValueError for a value that is none, with the variable's name."""
        told = os.environ
        rate = told.get("SLIPWAY_CAPTURE_RATE", "0")
        text = told.get("SLIPWAY_CAPTURE_TEXT", "hash")
        try:
            capture = Capture(float(rate), text)  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(
                f"SLIPWAY_CAPTURE_RATE or SLIPWAY_CAPTURE_TEXT: {error}",
            ) from error
        memory = told.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")
        if not memory.isdecimal():
            raise ValueError(f"AWS_LAMBDA_FUNCTION_MEMORY_SIZE: {memory!r} is no number of megabytes")
        page = told.get("SLIPWAY_PAGE", "0")
        if page not in ("0", "1"):
            raise ValueError(f"SLIPWAY_PAGE: {page!r} is neither 0 nor 1")
        bundle = Path(told.get("SLIPWAY_BUNDLE", Path(__file__).with_name("bundle")))
        return cls(bundle, capture, max(1, round(int(memory) / MEMORY_OF_A_CORE)), page == "1")
