"""What mentors are good at and mentees need help with: the things, and the words by which they are recognised.

A thing is a kind of problem (a category of first things), a kind of estate, or an indicator of the assessment. Its key
says which: ``problem.housing``, ``estate.lanes``, ``indicator.method``.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from dongliang.people.models import EstateKind
from dongliang.seasons.rulebook import RuleBookContent

PROBLEM, ESTATE, INDICATOR = "problem", "estate", "indicator"

# A secretary's own words are searched for these. Only the shipped rule book's keys are listed; a problem or an
# indicator of another rule book is recognised by its own name.
WORDS: dict[str, tuple[str, ...]] = {
    "problem.housing": tuple("电梯 渗水 漏水 厨卫 外墙 裂缝 加固 屋顶 下水 管道 电线 修缮 旧改 拆违".split()),
    "problem.environment": tuple("垃圾 绿化 步道 河道 河浜 堆物 环境 卫生 噪声 噪音 异味 扬尘".split()),
    "problem.elderly_and_children": tuple("老人 独居 养老 助餐 适老 轮椅 孩子 儿童 暑托 托班 青少年".split()),
    "problem.property_management": tuple(
        "物业 停车 车位 业委会 维修资金 消防 门卫 保安 充电 业主大会".split()
    ),
    "problem.neighbourly_life": tuple("邻里 邻居 调解 纠纷 租客 志愿 楼组长 议事 书房 活动室".split()),
    "problem.digital": tuple("数字 智能 手机 门禁 网上 线上 平台 大屏 一网统管 微信群".split()),
    "indicator.party_members": tuple("党员 支部 组织生活 党建".split()),
    "indicator.residents_follow": tuple("群众 发动 居民不来 动员 参与 信任".split()),
    "indicator.method": tuple("规矩 制度 章法 议事规则 公开 程序 台账".split()),
    "indicator.delivery": tuple("落地 拖延 进度 推不动 办不成 协调".split()),
}


def problem_key(category: str) -> str:
    return f"{PROBLEM}.{category}"


def estate_key(kind: str) -> str:
    return f"{ESTATE}.{kind}"


def indicator_key(indicator: str) -> str:
    return f"{INDICATOR}.{indicator}"


def things(rules: RuleBookContent) -> dict[str, str]:
    """Every thing of a season by its key, in the reader's language: problems, estates, indicators."""
    return (
        {problem_key(category.key): str(category.name) for category in rules.categories}
        | {estate_key(kind): str(kind.label) for kind in EstateKind}
        | {indicator_key(indicator.key): str(indicator.name) for indicator in rules.indicators}
    )


def headings(rules: RuleBookContent) -> dict[str, str]:
    """The same as headings of a workbook, which is Chinese whatever the language of the pages."""
    estates = {
        EstateKind.WORKERS: "工人新村",
        EstateKind.COMMERCIAL: "商品房",
        EstateKind.RELOCATED: "动迁房",
        EstateKind.LANES: "里弄",
        EstateKind.MIXED: "混合",
        EstateKind.RURAL: "农村",
    }
    return (
        {problem_key(category.key): f"难题·{category.name.zh}" for category in rules.categories}
        | {estate_key(kind): f"小区·{name}" for kind, name in estates.items()}
        | {indicator_key(indicator.key): f"指标·{indicator.name.zh}" for indicator in rules.indicators}
    )


def recognised(words: str, rules: RuleBookContent) -> dict[str, list[str]]:
    """The problems and indicators that a text speaks of, each with the words that gave it away."""
    named = {problem_key(entry.key): entry.name.zh for entry in rules.categories}
    named |= {indicator_key(entry.key): entry.name.zh for entry in rules.indicators}
    found = {
        key: [word for word in (*WORDS.get(key, ()), name) if word in words] for key, name in named.items()
    }
    return {key: seen for key, seen in found.items() if seen}


def group_name(group: str) -> str:
    return {PROBLEM: _("Kinds of problem"), ESTATE: _("Kinds of estate"), INDICATOR: _("Indicators")}[group]


def grouped_things(keys: Iterable[str]) -> dict[str, list[str]]:
    """Keys by the kind of thing that they are."""
    groups: dict[str, list[str]] = {PROBLEM: [], ESTATE: [], INDICATOR: []}
    for key in keys:
        groups[key.partition(".")[0]].append(key)
    return groups
