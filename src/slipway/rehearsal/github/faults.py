"""What goes wrong at GitHub: each fault is set by a test, and lasts for a number of requests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.rehearsal.github.call import Answer, Json

SLOW_DOWN = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
WORDS = {403: SLOW_DOWN, 429: SLOW_DOWN, 502: "Server Error", 503: "Service Unavailable", 504: "Gateway Timeout"}


@dataclass
class _Fault:
    method: str
    path: re.Pattern[str]
    times: int
    answer: Answer
    takes_effect: bool = field(default=False)


class Faults:
    """The faults of one GitHub; a path is matched as it is asked for, by `re.search`."""

    def __init__(self) -> None:
        self.mend()

    def mend(self) -> None:
        """Take all of them back."""
        self._faults: list[_Fault] = []

    def answer(
        self,
        method: str,
        path: str,
        status: int,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> None:
        """The next requests are answered so, and change nothing."""
        told = body or {"message": WORDS.get(status, "Server Error")}
        self._faults.append(_Fault(method, re.compile(path), times, Answer(status, told, headers or {})))

    def lose(self, method: str, path: str, times: int = 1, status: int = 502) -> None:
        """The next requests take effect, and who asked hears of a 502; with status 0 the connection breaks off."""
        told = Answer(status, {"message": WORDS.get(status, "Server Error")})
        self._faults.append(_Fault(method, re.compile(path), times, told, takes_effect=True))

    def left(self) -> list[str]:
        """The method and path of those that nothing has met often enough."""
        return [f"{fault.method} {fault.path.pattern}" for fault in self._faults if fault.times > 0]

    def meet(self, method: str, path: str) -> tuple[Answer, bool] | None:
        """The answer to give instead, and whether the request takes effect all the same."""
        for fault in self._faults:
            if fault.method == method and fault.path.search(path) and fault.times > 0:
                fault.times -= 1
                return fault.answer, fault.takes_effect
        return None
