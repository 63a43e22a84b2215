"""The feature panel: the inputs of every stock and day in one memory-mapped array."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from feeds.errors import ConfigError
from feeds.panel import MarketPanel
from signals.features.assembly import Mask, Progress, Singles, write_features
from signals.features.inputs import ALL, FEATURES, check_names

Span = slice | npt.NDArray[np.integer]


@dataclass(frozen=True)
class FeaturePanel:
    """Features of N stocks on T days, on disk until they are read.

    Attributes
    ----------
    values : ndarray of float32, shape (N, T, F)
        Standardised: carried forward at most 5 days, winsorised and z-scored across the date's eligible stocks; 0
        where missing or not listed. Raw: as they are, NaN where missing. Row t is known in the evening of day t.
        C-contiguous: a window of one stock, ``values[n, t - 21 : t + 1]``, is one contiguous block. Read-only.
    coverage : ndarray of float32, shape (T, F)
        Share of the date's eligible stocks with a value of that very day; NaN where nobody is eligible.
    names : tuple of str
        The F features.
    dates : ndarray of datetime64[D], shape (T,)
    codes : ndarray of str, shape (N,)
    """

    values: Singles
    coverage: Singles
    names: tuple[str, ...]
    dates: npt.NDArray[np.datetime64]
    codes: npt.NDArray[np.str_]

    @staticmethod
    def build(
        panel: MarketPanel,
        eligible: Mask,
        folder: Path,
        names: Sequence[str] = ALL,
        progress: Progress | None = None,
        *,
        standardised: bool = True,
    ) -> "FeaturePanel":
        """Compute the features, or open them if they were computed before from the same inputs.

        Parameters
        ----------
        panel : MarketPanel
        eligible : ndarray of bool, shape (T, N)
            The universe of each date: its statistics standardise everyone.
        folder : Path
            Where feature panels are kept, one subfolder each, complete or absent.
        names : sequence of str
            Which features, from :data:`signals.features.inputs.FEATURES`.
        progress : callable, optional
            Called with (steps done, steps in all); never if the panel is only opened.
        standardised : bool
            Whether to carry values forward and score them across stocks, or to keep them raw for windows that are
            made comparable when gathered (:mod:`signals.features.windowing`).

        Raises
        ------
        ConfigError
            If a name is unknown or repeated, or the mask does not fit the panel.
        """
        names = tuple(names)
        _check(panel, eligible, names)
        target = Path(folder) / f"features-{_key(panel, eligible, names, standardised)[:16]}"
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if not target.exists():
                write_features(panel, eligible, names, target, progress, standardised=standardised)
        values = np.load(target / "values.npy", mmap_mode="r")
        return FeaturePanel(values, np.load(target / "coverage.npy"), names, panel.dates, panel.codes)

    def dropped(self, span: Span, minimum: float = 0.5) -> dict[str, str]:
        """Return the features that do not cover a span of dates, each with the reason.

        Parameters
        ----------
        span : slice or ndarray of int
            Rows of `dates`. Dates on which nobody is eligible do not count.
        minimum : float
            Smallest share of the eligible stocks a feature must cover on every date.
        """
        coverage, dates = self.coverage[span], self.dates[span]
        populated = ~np.isnan(coverage).any(axis=1)
        coverage, dates = coverage[populated], dates[populated]
        if not len(dates):
            return dict.fromkeys(self.names, "nobody is eligible on any date of the span")
        worst = coverage.argmin(axis=0)
        return {
            name: f"covers {share:.1%} of the eligible stocks on {day}, minimum {minimum:.0%}"
            for name, share, day in zip(self.names, coverage.min(axis=0), dates[worst], strict=True)
            if share < minimum
        }

    def keep(self, span: Span, minimum: float = 0.5) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
        """Return the columns of `values`, and their names, that `dropped` leaves."""
        gone = self.dropped(span, minimum)
        kept = [column for column, name in enumerate(self.names) if name not in gone]
        return np.array(kept, dtype=np.intp), tuple(self.names[column] for column in kept)


def _check(panel: MarketPanel, eligible: Mask, names: tuple[str, ...]) -> None:
    shape = (len(panel.dates), len(panel.codes))
    if eligible.shape != shape or eligible.dtype != np.bool_:
        raise ConfigError(f"eligible must be bool {shape}, was {eligible.dtype} {eligible.shape}")
    check_names(names)


def _key(panel: MarketPanel, eligible: Mask, names: tuple[str, ...], standardised: bool) -> str:
    """Return a hash of all that the values depend on, the formulas' source included."""
    digest = hashlib.sha256(json.dumps([panel.fingerprint, panel.codes.tolist(), names, standardised]).encode())
    digest.update(panel.dates.astype("datetime64[D]").astype("int64").tobytes())
    digest.update(np.packbits(eligible).tobytes())
    for source in (*sorted(Path(__file__).parent.glob("*.py")), *_sources_elsewhere(names)):
        digest.update(source.read_bytes())
    if panel.fingerprint == "arrays":  # made in memory: nothing but its contents tells it from another
        for name, values in sorted(panel.fields.items()):
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
        digest.update(np.packbits(panel.listed).tobytes())
    return digest.hexdigest()


def _sources_elsewhere(names: tuple[str, ...]) -> list[Path]:
    """Return the files of features that a user added to :data:`signals.features.inputs.FEATURES`, ascending."""
    modules = {getattr(FEATURES[name], "func", FEATURES[name]).__module__ for name in names}  # a partial has a func
    files = {Path(str(getattr(sys.modules.get(module), "__file__", ""))) for module in modules}
    return sorted(file for file in files if file.is_file() and file.parent != Path(__file__).parent)
