"""Feature sets by name: which inputs a model reads, in which order, and how they are made comparable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from feeds.errors import ConfigError, unknown
from feeds.panel import MarketPanel
from signals.features.alpha158 import ALPHA158
from signals.features.alpha360 import ALPHA360
from signals.features.assembly import Mask, Progress
from signals.features.candidates import CANDIDATES
from signals.features.derived import BASES, CHANGES, RANK_CHANGES
from signals.features.flows import BUCKETS
from signals.features.inputs import ALL, FEATURES, NEEDS, check_names, nearest
from signals.features.market_series import MARKET_SERIES
from signals.features.needs import missing_needs
from signals.features.panel import FeaturePanel
from signals.features.styles import STYLE_INPUTS
from signals.features.technical import TECHNICAL
from signals.features.valuation import VALUATION
from signals.features.windowing import Scaling

Preprocessing = Literal["cross_section", "window", "robust"]


@dataclass(frozen=True)
class FeatureSet:
    """Inputs of a model, and what becomes of them before the model sees them.

    Attributes
    ----------
    name, title : str
    names : tuple of str
        The inputs in order, from :data:`signals.features.inputs.FEATURES`.
    preprocessing : {"cross_section", "window", "robust"}
        ``cross_section``: the stored values are carried forward, winsorised and z-scored per date, and windows are
        used as they are. The other two are stored raw, NaN where missing, and made comparable when gathered:
        ``window`` by :func:`signals.features.windowing.window_scores` (within the window, then across the date's
        stocks), ``robust`` by :func:`signals.features.windowing.scale_windows` and a
        :class:`signals.features.windowing.RobustScale` of the training span.
    prices, volumes : tuple of str
        Inputs in yuan and in shares or yuan traded, whose level means nothing outside their window.
    volume_base : {"mean", "last"}
        Whether volumes are divided by their mean over the window or by the last one.
    lacking : mapping of str to str
        Inputs the card has and no daily table can tell, each with the reason.
    proxy : bool
        Whether inputs stand in for data that the published model had.
    """

    name: str
    title: str
    names: tuple[str, ...]
    preprocessing: Preprocessing
    prices: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    volume_base: Literal["mean", "last"] = "mean"
    lacking: Mapping[str, str] = field(default_factory=dict)
    proxy: bool = False

    def __post_init__(self) -> None:
        check_names(self.names)

    def build(self, panel: MarketPanel, eligible: Mask, folder: Path, progress: Progress | None = None) -> FeaturePanel:
        """Compute or open the inputs of a market, scored or raw as the set wants; see `FeaturePanel.build`."""
        scored = self.preprocessing == "cross_section"
        return FeaturePanel.build(panel, eligible, folder, self.names, progress, standardised=scored)

    def absent(self, panel: MarketPanel) -> dict[str, str]:
        """Return the inputs that a market cannot tell, each with the reason.

        They have no value on any day, so that the coverage of the feature panel leaves them out of every fold by name
        (:meth:`signals.features.panel.FeaturePanel.dropped`); none is ever a zero.
        """
        needs = {name: NEEDS[name] for name in self.names if name in NEEDS}
        return {**missing_needs(panel, needs), **self.lacking}

    def scaling(self, names: Sequence[str]) -> Scaling:
        """Return which columns of windows of ``names``, the inputs a fold has kept, are prices and volumes."""
        columns = {name: column for column, name in enumerate(names)}
        prices = tuple(columns[name] for name in self.prices if name in columns)
        volumes = tuple(columns[name] for name in self.volumes if name in columns)
        return Scaling(prices, volumes, columns.get("adjusted_close"), self.volume_base)


SETS: dict[str, FeatureSet] = {}


def register(feature_set: FeatureSet) -> FeatureSet:
    """Add a feature set to the names a signal can ask for, and return it."""
    if feature_set.name in SETS:
        raise ConfigError(f"feature set name must be new, was {feature_set.name} ({SETS[feature_set.name].title})")
    SETS[feature_set.name] = feature_set
    return feature_set


def resolve(text: str) -> FeatureSet:
    """Return the feature set of a signal's ``features``: the name of a set, or names of inputs with commas.

    ``all`` is ``thoughts``. Inputs given one by one are scored across stocks.

    Raises
    ------
    ConfigError
        If a name is neither a set nor an input; the message tells the sets and the nearest inputs.
    """
    text = "thoughts" if text == "all" else text
    if text in SETS:
        return SETS[text]
    names = tuple(text.split(","))
    if len(names) == 1 and names[0] not in FEATURES:
        raise unknown("feature set or feature", text, [*SETS, "all", *nearest(text)])
    return FeatureSet(text, "inputs by name", names, "cross_section")


BAR = ("adjusted_open", "adjusted_high", "adjusted_low", "adjusted_close", "adjusted_vwap")
_MINUTES = "needs minute bars, which no daily table holds"
_AUCTION = "needs the closing auction, which no daily table holds"

register(FeatureSet("thoughts", "101 technical factors, quotes and valuations (C1)", ALL, "cross_section"))
register(
    FeatureSet(
        "price_volume",
        "18 prices, volumes and order-size flows (C2)",
        (
            *BAR, "pct_chg", "gap", "amplitude", "adjusted_vol", "traded_amount", "turnover_rate", "turnover_rate_f",
            "volume_ratio", "close_to_vwap", *(f"net_{size}" for size in BUCKETS),
        ),
        "window",
        prices=BAR,
        volumes=("adjusted_vol", "traded_amount"),
    )
)  # fmt: skip
register(
    FeatureSet(
        "derived",
        "17 indicators, how their ranks and values changed, index and breadth (C3)",
        (*BASES, *RANK_CHANGES, *CHANGES, *MARKET_SERIES),
        "cross_section",
    )
)
register(
    FeatureSet(
        "screened",
        "the 11 factors that survived the published screen (C4)",
        (
            "bbi", "ma_10", "expma_12", "wvad", "bbiboll", "boll_mid", "cdp", "env", "std", "ar_turn",
            "tangibleasset_to_netdebt",
        ),
        "cross_section",
    )
)  # fmt: skip
register(
    FeatureSet(
        "candidates",
        "the library from which a screen chooses (C4)",
        (*TECHNICAL, *CANDIDATES, *VALUATION, "ar_turn", "tangibleasset_to_netdebt", "roe"),
        "cross_section",
    )
)
register(
    FeatureSet(
        "ohlcv6",
        "six fields of the bar (C5, C9, C12)",
        (*BAR, "adjusted_vol"),
        "window",
        prices=BAR,
        volumes=("adjusted_vol",),
    )
)
register(
    FeatureSet(
        "ohlcv6_styles",
        "six fields of the bar over the last close, and ten style exposures (C6)",
        (*BAR, "adjusted_vol", *STYLE_INPUTS),
        "robust",
        prices=BAR,
        volumes=("adjusted_vol",),
        volume_base="last",
    )
)
register(FeatureSet("alpha158", "158 statistics of the bars (C7)", tuple(ALPHA158), "robust"))
register(FeatureSet("alpha360", "60 bars over the last close (C6's window as one row)", tuple(ALPHA360), "robust"))
register(
    FeatureSet(
        "daily_proxy",
        "daily stand-ins for 20 high-frequency inputs (C10, C11)",
        (
            "return_skew", "downside_share", "buy_intention", "buy_intention_intensity", "large_net_share",
            "large_net_intensity", "intraday_sum", "outflow_share", "large_order_push", "realised_deviation",
            "return_kurtosis", "illiquidity", "gap", "intraday_return", "close_to_vwap", "turnover_rate",
            "large_order_share",
        ),
        "cross_section",
        lacking={"tail_share": _AUCTION, "morning_volume_share": _MINUTES, "afternoon_volume_share": _MINUTES},
        proxy=True,
    )
)  # fmt: skip
