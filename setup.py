"""Distribution ``huice``: event-driven A-share backtests of precomputed signals."""

from pathlib import Path

from setuptools import setup

RUNTIME = [
    "backtrader==1.9.78.123",
    "click>=8.1",
    "exchange_calendars>=4.5",
    "filelock>=3.13",
    "jinja2>=3.1",
    "keras>=3.10",
    "matplotlib>=3.9",
    "numpy>=2.0",
    "pandas>=2.2.3",
    "pyarrow>=17",
    "pydantic>=2.7",
    "pyyaml>=6.0",
    "quantstats>=0.0.86",
    "rich>=13.7",
    "scipy>=1.13",
    "tensorflow>=2.19",
]
TEST = [
    "MyTT>=2.9.3",
    "empyrical-reloaded>=0.5.11",
    "hypothesis>=6.100",
    "mypy>=1.15",
    "pandas-stubs>=2.2",
    "pytest>=8.2",
    "pytest-xdist>=3.6",
    "ruff>=0.11",
    "types-PyYAML>=6.0",
    "types-setuptools>=69",
]

setup(
    name="huice",
    version="0.1.0",
    description="Backtests of model scores on Chinese A-shares against a market that refuses",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-3.0-or-later",
    python_requires=">=3.11",
    install_requires=RUNTIME,
    extras_require={"test": TEST},
    py_modules=["cli"],
    packages=[
        "feeds",
        "feeds.rules",
        "feeds.sources",
        "feeds.sources.simulated",
        "signals",
        "signals.features",
        "signals.models",
        "strategies",
        "strategies.execution",
        "analyzers",
        "analyzers.audit",
        "commands",
    ],
    package_data={"analyzers": ["templates/*.j2"]},
    entry_points={"console_scripts": ["huice=cli:main"]},
)
