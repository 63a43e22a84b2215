"""The workload on ordinary Backtrader: `run_backtrader.py FOLDER OUT defaults|fastest [DAYS]`.

``defaults`` is what its documentation shows: PandasData and the standard observers. ``fastest`` reads the frames with
PandasDirectData and leaves the observers out. DAYS limits the run to the first days, for what would take too long.
"""

import sys
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
from runner import report
from workload import CASH, FEE, INVESTED, SLOTS, Workload, load


class Top10(bt.Strategy):
    """The usual way: every stock is a feed, orders by target percent."""

    params = (("decisions", None), ("scores", None))

    def __init__(self) -> None:
        self.navs: list[float] = []
        for n, data in enumerate(self.datas):
            data.number = n

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        self.navs.append(self.broker.getvalue())
        day = len(self) - 1
        if day not in self.p.decisions:
            return
        scores = self.p.scores[self.p.decisions[day]]
        now = self.datetime[0]
        held = [data for data in self.datas if self.getposition(data).size]
        stuck = [data for data in held if data.datetime[0] != now]
        trading = [data for data in self.datas if len(data) and data.datetime[0] == now]
        best = sorted(trading, key=lambda data: -scores[data.number])[: SLOTS - len(stuck)]
        chosen = {data.number for data in best}
        for data in held:
            if data.datetime[0] == now and data.number not in chosen:
                self.close(data)
        for data in sorted(best, key=lambda data: -self.broker.getvalue([data])):
            self.order_target_percent(data, target=INVESTED / SLOTS)


def simulate(work: Workload, fastest: bool, days: int) -> list[float]:
    """Return the NAV at every close of the first days, (T,)."""
    dates = pd.DatetimeIndex(work.dates[:days])
    cerebro = bt.Cerebro(stdstats=not fastest)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=FEE)
    for n, code in enumerate(work.codes.tolist()):
        bars = {name: getattr(work, name)[n, :days] for name in ("open", "high", "low", "close")}
        frame = pd.DataFrame(bars, index=dates).dropna().assign(volume=1e6)
        if fastest:
            cerebro.adddata(bt.feeds.PandasDirectData(dataname=frame, openinterest=-1), name=code)
        else:
            cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=code)
    decisions = {int(row): n for n, row in enumerate(work.decisions) if row + 1 < days}
    cerebro.addstrategy(Top10, decisions=decisions, scores=np.asarray(work.scores))
    return cerebro.run()[0].navs


if __name__ == "__main__":
    work = load(Path(sys.argv[1]))
    days = int(sys.argv[4]) if len(sys.argv) > 4 else len(work.dates)
    report(lambda: simulate(work, sys.argv[3] == "fastest", days), Path(sys.argv[2]))
