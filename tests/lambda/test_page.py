"""The try-it page, in a real browser."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium: `apt install chromium`, or put Chrome on PATH")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=quiet)
        yield browser.new_page()
        browser.close()


def test_a_sentence_is_classified_as_it_is_typed(page: Page, server: str) -> None:
    faults: list[Any] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(server)
    expect(page.locator("#model")).to_contain_text("banking77-bag")
    page.get_by_label("Text to classify").fill("my card has not arrived")
    rows = page.locator("#classes li")
    expect(rows).to_have_count(10)
    expect(rows.first).to_contain_text("%")
    shares = [float(each.split()[-2]) for each in rows.all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=1)
    best = rows.first.get_by_role("meter")
    assert float(best.evaluate("bar => bar.value")) == pytest.approx(shares[0] / 100, abs=0.001)
    page.get_by_label("Text to classify").fill("my card " * 1000)
    expect(page.locator("#status")).to_contain_text("longer than the model reads")
    page.get_by_label("Text to classify").fill("  ")
    expect(rows).to_have_count(0)
    assert faults == []


def test_a_text_that_is_refused_says_why(page: Page, server: str) -> None:
    page.goto(server)
    page.get_by_label("Text to classify").fill("x" * 20_001)
    expect(page.locator("#status.problem")).to_contain_text("20000 are read at most")


def test_what_is_typed_is_text_and_no_markup(page: Page, server: str) -> None:
    page.goto(server)
    page.get_by_label("Text to classify").fill("<img src=x onerror=alert(1)>")
    expect(page.locator("#classes li")).to_have_count(10)
    assert page.locator("img").count() == 0
