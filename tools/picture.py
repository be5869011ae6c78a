"""Make docs/report.png, the README's picture: the top of metrics/report.html as a headless Chromium shows it.

Run it as `make picture`, after a run of the pipeline.
"""

import sys
from pathlib import Path

from browser import browser, executable

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "metrics" / "report.html"
PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 860
SCALE = 1.5
"""Pixels of the picture for a pixel of the page: sharp on most screens, and still a small file."""


def main(report: Path = REPORT, picture: Path = PICTURE) -> None:
    """Write the picture, or say what is missing."""
    if executable() is None:
        raise SystemExit("error: no Chromium or Chrome on PATH; install one (apt-get install chromium)")
    if not report.exists():
        raise SystemExit(f"error: {report}: no such file; run `make repro` first")
    picture.parent.mkdir(exist_ok=True)
    with browser() as page:
        page.open(report, WIDTH, HEIGHT, scale=SCALE)
        page.screenshot(picture)
    print(f"{picture}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
