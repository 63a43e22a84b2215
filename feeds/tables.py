"""The tables of the store: their columns and units, under Tushare's names."""

from feeds.contract import Column, RowError, Table, check

__all__ = ["FLOW_COLUMNS", "REPORT_COLUMNS", "TABLES", "VALUATION_COLUMNS", "Column", "RowError", "Table", "check"]


def _floats(names: str, unit: str = "", *, nullable: bool = False, positive: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, "float", unit, nullable, positive) for name in names.split())


CODE = Column("ts_code", "code")
DATE = Column("trade_date", "date")
OHLC = _floats("open high low close", "yuan, raw", positive=True)
VOLUME = (*_floats("vol", "shares"), *_floats("amount", "yuan"))
VALUATION_COLUMNS = (
    "turnover_rate turnover_rate_f volume_ratio pe pe_ttm pb ps ps_ttm dv_ratio dv_ttm "
    "total_share float_share free_share total_mv circ_mv"
)
REPORT_COLUMNS = "eps bps roe roa grossprofit_margin debt_to_assets netprofit_yoy ar_turn tangibleasset_to_netdebt"
FLOW_COLUMNS = (
    "buy_sm_amount sell_sm_amount buy_md_amount sell_md_amount buy_lg_amount sell_lg_amount "
    "buy_elg_amount sell_elg_amount net_mf_amount"
)


def _daily(name: str, *columns: Column) -> Table:
    return Table(name, (CODE, DATE, *columns), ("ts_code", "trade_date"), "trade_date", on_calendar=True)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("trade_cal", (Column("cal_date", "date"), Column("is_open", "int")), ("cal_date",)),
        Table(
            "stock_basic",
            (
                CODE,
                Column("name", "str"),
                Column("industry", "str", nullable=True),
                Column("market", "str", nullable=True),
                Column("list_date", "date"),
                Column("delist_date", "date", "first day no longer listed", nullable=True),
            ),
            ("ts_code",),
        ),
        _daily("daily", *OHLC, *_floats("pre_close", "yuan, ex-right reference", positive=True), *VOLUME),
        _daily("adj_factor", *_floats("adj_factor", "cumulative ratio", positive=True)),
        _daily("stk_limit", *_floats("up_limit down_limit", "yuan, null = none or unknown", nullable=True)),
        Table(
            "suspend_d",
            (
                CODE,
                DATE,
                Column("suspend_timing", "str", "null = whole day", nullable=True),
                Column("suspend_type", "str", "S or R"),
            ),
            ("ts_code", "trade_date", "suspend_type"),  # a stock may halt and resume on one day
            "trade_date",
            on_calendar=True,
        ),
        _daily(
            "daily_basic",
            *_floats(VALUATION_COLUMNS, "fractions, shares, yuan", nullable=True),
            *_floats("pe_ttm_signed", "ratio, losses kept", nullable=True),
        ),
        Table(
            "dividend",
            (
                CODE,
                Column("end_date", "date"),
                Column("ann_date", "date", nullable=True),
                Column("record_date", "date"),
                Column("ex_date", "date"),
                Column("pay_date", "date", nullable=True),
                Column("div_listdate", "date", nullable=True),
                *_floats("stk_div", "bonus and transfer shares per share"),
                *_floats("stk_bo_rate", "bonus shares per share, the taxed part of stk_div", nullable=True),
                *_floats("cash_div_tax", "yuan per share before tax"),
            ),
            ("ts_code", "ex_date", "end_date"),
        ),
        Table(
            "rights",
            (
                CODE,
                Column("ex_date", "date"),
                *_floats("ratio", "new shares per share", positive=True),
                *_floats("price", "yuan", positive=True),
            ),
            ("ts_code", "ex_date"),
        ),
        Table(
            "code_change",
            (
                CODE,
                Column("new_code", "code"),
                Column("change_date", "date", "first day of the new shares"),
                *_floats("ratio", "new shares per old share", positive=True),
                *_floats("cash", "yuan per old share", nullable=True),
            ),
            ("ts_code",),
        ),
        Table(
            "namechange",
            (
                CODE,
                Column("name", "str"),
                Column("start_date", "date"),
                Column("end_date", "date", "last day of the name", nullable=True),
                Column("ann_date", "date", nullable=True),
                Column("change_reason", "str", nullable=True),
            ),
            ("ts_code", "start_date"),
        ),
        _daily("stock_st"),
        Table(
            "industry",
            (CODE, Column("industry", "str"), Column("in_date", "date"), Column("out_date", "date", nullable=True)),
            ("ts_code", "in_date"),
        ),
        _daily(
            "index_daily",
            *_floats("close", "points", positive=True),
            *_floats("open high low pre_close vol amount", "points, shares, yuan", nullable=True),
        ),
        Table(
            "index_weight",
            (Column("index_code", "code"), Column("con_code", "code"), DATE, *_floats("weight", "fraction")),
            ("index_code", "con_code", "trade_date"),
            "trade_date",
        ),
        Table(
            "index_member",
            (
                Column("index_code", "code"),
                Column("con_code", "code"),
                Column("in_date", "date", "first day as a member"),
                Column("out_date", "date", "first day no longer a member", nullable=True),
            ),
            ("index_code", "con_code", "in_date"),
        ),
        Table(
            "fut_basic",
            (
                CODE,
                Column("fut_code", "str"),
                *_floats("multiplier", "yuan per point", positive=True),
                Column("list_date", "date"),
                Column("delist_date", "date", "last trading day"),
            ),
            ("ts_code",),
        ),
        _daily(
            "fut_daily",
            *_floats("open high low close", "points", positive=True),
            *_floats("vol", "lots"),
            *_floats("pre_close pre_settle settle amount oi", "points, yuan, lots", nullable=True),
        ),
        _daily("fund_daily", *OHLC, *_floats("pre_close", "yuan", positive=True), *VOLUME),
        Table(
            "fina_indicator",
            (
                CODE,
                Column("end_date", "date"),
                Column("ann_date", "date"),
                *_floats(REPORT_COLUMNS, "yuan, fractions, ratios", nullable=True),
            ),
            ("ts_code", "end_date", "ann_date"),
        ),
        _daily("moneyflow", *_floats(FLOW_COLUMNS, "yuan", nullable=True)),
    )
}
