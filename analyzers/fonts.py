"""Which installed font can draw Chinese names in a chart."""

from matplotlib import font_manager

CJK_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",  # the file matplotlib lists first for a CJK collection; it holds the same glyphs
    "SimHei",
    "Heiti SC",
    "Arial Unicode MS",
)
LATIN_FAMILY = "DejaVu Sans"  # shipped with matplotlib, so a chart never lacks a font


def chart_families(installed: set[str] | None = None) -> list[str]:
    """Return the font families for charts, best first: a Chinese one if there is any, then the Latin one.

    Parameters
    ----------
    installed : set of str, optional
        Family names to choose from; what matplotlib finds on this machine if omitted.
    """
    if installed is None:
        installed = {font.name for font in font_manager.fontManager.ttflist}
    found = [family for family in CJK_FAMILIES if family in installed]
    return [*found[:1], LATIN_FAMILY]


def chart_label(code: str, name: str, families: list[str]) -> str:
    """Return the name if it can be drawn with these families, else the code."""
    drawable = name.isascii() or any(family in CJK_FAMILIES for family in families)
    return name if name and drawable else code
