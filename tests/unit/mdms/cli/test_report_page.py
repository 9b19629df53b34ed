"""The page of a day: what it tells, on a phone and on a desk, and what it needs."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from mdms.cli import plots
from mdms.cli.report_page import page
from tests.boards import BOARD, NOTHING


class Reader(HTMLParser):
    """Reads texts, and whether every element that was opened is closed in its turn."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("board", [BOARD, NOTHING], ids=["a day", "an empty day"])
def test_a_page_is_well_formed_and_needs_nothing_from_elsewhere(board):
    text = page(board)

    assert Reader(text).addresses == []
    assert "<script" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_a_page_tells_the_day_in_large_numbers_and_warns():
    text = page(BOARD)

    figures = re.findall(r'<div class="figure( warn)?"><b>(.*?)</b><span>(.*?)</span>', text)
    assert figures == [
        (" warn", "96.00 %", "Read by 06:00"),
        ("", "100.00 %", "Read after 72 h"),
        (" warn", "0.20 %", "Estimated, 72 h"),
        ("", "05:25", "VEE done, by 06:00"),
        (" warn", "4", "Waiting for people"),
        (" warn", "3", "Silent meters"),
        (" warn", "12", "Batches missing"),
        (" warn", "1", "Open leaks"),
        (" warn", "1,200", "Without power"),
        (" warn", "1", "Commands unknown"),
        (" warn", "1", "Cycles due"),
    ]


def test_a_day_of_which_nothing_is_known_is_no_good_day():
    text = page(NOTHING)

    assert '<div class="figure warn"><b>unknown</b><span>Read by 06:00' in text
    assert "No day was measured yet" in text


def test_names_are_text_and_never_markup():
    assert "Mast &lt;1&gt;" in page(BOARD)
    assert "Mast <1>" in "".join(Reader(page(BOARD)).text)


def test_an_hour_is_drawn_over_its_share_of_a_day_of_25_hours():
    text = page(BOARD)

    told = re.findall(r"<title>electric, (\d\d): ([\d.]+) %</title>", text)
    assert len(told) == 25
    assert [told[0], told[24]] == [("00", "100"), ("23", "50")]
    assert {value for _, value in told[1:24]} == {"0"}
    assert [hour for hour, _ in told].count("01") == 2


def test_a_line_is_interrupted_where_nothing_is_known():
    drawn = plots.lines({"a": [1, None, 2, 3]}, ["w", "x", "y", "z"], low=0, high=4)

    assert len(re.findall("<polyline", drawn)) == 2
    assert len(re.findall("<circle", drawn)) == 3


def test_the_longest_bar_fills_the_width_and_no_bars_are_no_mistake():
    assert re.findall(r"width:([\d.]+)%", plots.bars({"a": 2, "b": 8})) == ["25.0", "100.0"]
    assert plots.bars({"a": 0}).count("width:0.0%") == 1
    assert "<i" not in plots.bars({})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [500, 1280], ids=["phone", "desk"])
def test_a_browser_shows_it_without_scrolling_sideways(tmp_path, width):
    file = tmp_path / "page.html"
    measure = "document.title = [document.documentElement.scrollWidth, innerWidth].join(' ')"
    file.write_text(page(BOARD).replace("</body>", f"<script>{measure}</script></body>"))

    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1800",
         "--dump-dom", file.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip

    found = re.search(r"<title>(\d+) (\d+)</title>", done.stdout)
    assert found is not None, done.stdout[:500]
    shown, room = map(int, found.groups())
    assert shown <= room
    assert room == width
