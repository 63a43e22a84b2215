"""Invented company names and the industries they belong to."""

import numpy as np

# Industry, its weight in the market, its typical beta, and what companies in it are called.
INDUSTRIES: tuple[tuple[str, float, float, str], ...] = (
    ("银行", 1.0, 0.65, "银行"),
    ("非银金融", 2.0, 1.20, "证券 信托 租赁"),
    ("房地产", 3.0, 1.00, "置业 地产 城建"),
    ("建筑材料", 2.0, 1.00, "水泥 建材 玻璃"),
    ("建筑装饰", 3.0, 0.90, "建工 路桥 装饰"),
    ("钢铁", 1.5, 0.95, "钢铁 特钢"),
    ("有色金属", 3.0, 1.15, "铜业 稀土 锂业"),
    ("煤炭", 1.0, 0.90, "煤业 能源"),
    ("石油石化", 1.5, 0.85, "石化 油服"),
    ("基础化工", 8.0, 1.00, "化学 新材 化工"),
    ("公用事业", 3.5, 0.70, "电力 燃气 水务"),
    ("交通运输", 3.0, 0.75, "物流 港口 航运"),
    ("机械设备", 10.0, 1.05, "机械 重工 精机"),
    ("电力设备", 7.0, 1.20, "电气 储能 光伏"),
    ("国防军工", 2.5, 1.15, "航空 防务"),
    ("汽车", 5.0, 1.05, "汽车 零部 车桥"),
    ("家用电器", 2.0, 0.90, "电器 智家"),
    ("轻工制造", 3.0, 0.95, "家居 纸业 包装"),
    ("纺织服饰", 2.5, 0.90, "服饰 纺织"),
    ("食品饮料", 2.5, 0.85, "酒业 食品 乳业"),
    ("农林牧渔", 2.0, 0.90, "农业 种业 牧业"),
    ("商贸零售", 2.5, 0.95, "百货 商贸"),
    ("社会服务", 1.5, 1.00, "旅游 教育"),
    ("医药生物", 9.0, 0.95, "药业 生物 医疗"),
    ("电子", 9.0, 1.20, "电子 微电 光电"),
    ("计算机", 7.0, 1.25, "软件 信息 数科"),
    ("通信", 2.5, 1.15, "通信 光纤"),
    ("传媒", 3.0, 1.15, "传媒 文化 影业"),
)

_FIRST = "澄砚穗岚沁垣翊钧屿栖霁朔汀昭骏璟棠崧泓懿渝皖湘赣蜀滇琼甬鄞泾漳沅澧潇淮汶沂潍邕珞婺衢瓯睦郴岷嘉巽"
_SECOND = "瑜衡川岳麓辰曜煦桐槐檀松柏溪渊漪澜嵘峰峦峥崖野原陌垄坤铭锐铄锦镇钺琨瑾瑶珩珀琪琳珏宸宥容宁定远达"


def company_names(industry: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return one invented name of four characters per stock, no two alike.

    Parameters
    ----------
    industry : array of int, shape (N,)
        Positions in :data:`INDUSTRIES`.
    random : numpy.random.Generator
        Stream of the names.
    """
    pairs = random.permutation(len(_FIRST) * len(_SECOND))
    pick = random.integers(0, 1 << 30, len(industry))
    names = []
    for n, (kind, number) in enumerate(zip(industry, pick, strict=True)):
        words = INDUSTRIES[int(kind)][3].split()
        # Stocks that share a pair of characters differ in the word: each round shifts it by one.
        pair, turn = int(pairs[n % len(pairs)]), n // len(pairs)
        name = _FIRST[pair // len(_SECOND)] + _SECOND[pair % len(_SECOND)]
        names.append(name + words[(int(number) + turn) % len(words)])
    return _distinct(names)


def _distinct(names: list[str]) -> np.ndarray:
    seen: set[str] = set()
    for n, name in enumerate(names):
        marks = iter("甲乙丙丁戊己庚辛壬癸")
        while name in seen:
            name = names[n][:3] + next(marks)
        seen.add(name)
        names[n] = name
    return np.array(names, dtype="U6")
