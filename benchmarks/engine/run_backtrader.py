"""The workload on ordinary Backtrader with PandasData: `run_backtrader.py FOLDER OUT [DAYS]`."""

import json
import resource
import sys
import time
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
from workload import CASH, FEE, INVESTED, SLOTS, load


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


def main(folder: Path, out: Path, days: int | None) -> None:
    work = load(folder)
    dates = pd.DatetimeIndex(work.dates[:days])
    start = time.perf_counter()
    cerebro = bt.Cerebro()
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=FEE)
    bars = 0
    for n, code in enumerate(work.codes):
        frame = pd.DataFrame(
            {name: getattr(work, name)[n, :days] for name in ("open", "high", "low", "close")}, index=dates
        ).dropna()
        frame["volume"] = 1e6
        bars += len(frame)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=str(code))
    decisions = {int(row): n for n, row in enumerate(work.decisions) if row + 1 < len(dates)}
    cerebro.addstrategy(Top10, decisions=decisions, scores=np.asarray(work.scores))
    strategy = cerebro.run()[0]
    seconds = time.perf_counter() - start
    np.save(out, np.array(strategy.navs))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"engine_s": seconds, "peak_mb": peak, "bars": bars, "days": len(dates)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
