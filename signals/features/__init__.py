"""Point-in-time inputs of the models: indicators, bars, valuations, flows, reports and styles, in sets by name."""

from signals.features.bars import Bars, StockBlock
from signals.features.inputs import ALL, FEATURES, raw_features
from signals.features.panel import FeaturePanel
from signals.features.sets import SETS, FeatureSet, resolve
from signals.features.technical import TECHNICAL, indicator, model_input

__all__ = [
    "ALL",
    "FEATURES",
    "SETS",
    "TECHNICAL",
    "Bars",
    "FeaturePanel",
    "FeatureSet",
    "StockBlock",
    "indicator",
    "model_input",
    "raw_features",
    "resolve",
]
