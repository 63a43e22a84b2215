"""Point-in-time inputs of the models: 78 technical indicators, 8 quotes and 15 valuation columns."""

from signals.features.bars import Bars, StockBlock
from signals.features.inputs import ALL, FEATURES, raw_features
from signals.features.panel import FeaturePanel
from signals.features.technical import TECHNICAL, indicator, model_input

__all__ = [
    "ALL",
    "FEATURES",
    "TECHNICAL",
    "Bars",
    "FeaturePanel",
    "StockBlock",
    "indicator",
    "model_input",
    "raw_features",
]
