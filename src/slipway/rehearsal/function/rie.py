"""AWS's Runtime Interface Emulator, which AWS ships inside the wheel of its SAM CLI.

https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import platform
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from slipway.errors import UserError
from slipway.files import disk_full_in_words

RELEASE = "1.170.0"
SHA256 = "24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf"  # of the one wheel, for any platform
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
FOLDER = Path(__file__).resolve().parents[4] / ".slipway" / "rie"
WITH_DOCKER = "With docker it runs inside AWS's image: `make image-lambda`, then `make lambda`."


def emulator(folder: Path = FOLDER, wheel: str = SHA256) -> Path:
    """The emulator for this machine, brought once by pip and kept in `folder`; `wheel` is the SHA-256 it must have.

    Raises UserError where pip cannot bring it, and on machines for which AWS makes none.
    """
    machine = MACHINES.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        raise UserError(
            f"AWS's Runtime Interface Emulator runs on Linux, x86_64 or arm64, and this is {platform.system()} "
            f"{platform.machine()}. {WITH_DOCKER}"
        )
    place = folder / f"aws-lambda-rie-{RELEASE}-{machine}"
    if place.is_file():
        return place
    with disk_full_in_words(place):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=folder) as fresh:
            part = Path(fresh) / place.name
            with ZipFile(download(Path(fresh), wheel)) as archive:
                part.write_bytes(archive.read(f"samcli/local/rapid/aws-lambda-rie-{machine}"))
            part.chmod(0o755)
            part.replace(place)
    return place


def download(folder: Path, wheel: str) -> Path:
    """The wheel, which has that SHA-256. Raises UserError with pip's own words."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"aws-sam-cli=={RELEASE} --hash=sha256:{wheel}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pinned = ["--no-deps", "--only-binary=:all:", "--require-hashes", f"--requirement={wanted}", f"--dest={folder}"]
    said = subprocess.run([*pip, *pinned], check=False, capture_output=True, text=True)
    found = list(folder.glob("*.whl"))
    if said.returncode or not found:
        why = "\n".join(said.stderr.strip().splitlines()[-6:]) or "it said nothing"
        raise UserError(
            f"AWS's Runtime Interface Emulator (aws-sam-cli {RELEASE}) could not be downloaded; pip says:\n{why}\n"
            f"Check the network and pip's index, and run it again. {WITH_DOCKER}"
        )
    return found[0]


if __name__ == "__main__":
    try:
        print(emulator())
    except UserError as error:
        sys.exit(f"error: {error}")
