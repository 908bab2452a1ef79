"""Invented data for the style guide: short and long names, empty lists, 3 rows and 300."""

import math
from types import SimpleNamespace

from django import forms, template
from django.core.paginator import Paginator

from dongliang.common import charts
from dongliang.common.refusals import Blocker

register = template.Library()

SURNAMES = "张王李赵陈林周吴徐孙马朱胡郭何高罗郑梁谢"
GIVEN = ["建国", "丽华", "敏", "志强", "秀英", "晓东", "雅琴", "立群", "佳怡", "海燕", "永康", "慧", "文博"]
PLACES = ["枫桥路第一居民区", "石榴湾居民区", "北渡村", "兰溪苑第三居民区", "河埠头居民区", "长风里居民区"]
SUBDISTRICTS = "临河 石桥 枫林 长渡 东塘 望江 西岭 安澜 永和 梅园镇".split()


class SampleForm(forms.Form):
    name = forms.CharField(label="姓名", help_text="与身份证一致，少数民族姓名中间用“·”。")
    since = forms.DateField(label="任职日期", widget=forms.DateInput({"type": "date"}))
    subdistrict = forms.ChoiceField(label="街镇", choices=[(name, name) for name in SUBDISTRICTS])
    stage = forms.ChoiceField(
        label="成长阶段",
        widget=forms.RadioSelect,
        choices=[("new", "新任小梁"), ("able", "赋能小梁"), ("fine", "培优小梁")],
    )
    note = forms.CharField(label="备注", required=False, widget=forms.Textarea({"rows": 3}))
    roster = forms.FileField(label="名册", help_text="支持 .xlsx 和 .csv，最多 10 万行。", required=False)
    agreed = forms.BooleanField(label="已与本人核对", help_text="没有核对的，先存为草稿。")


class SampleFilter(forms.Form):
    query = forms.CharField(label="姓名或居村", required=False, widget=forms.SearchInput)
    subdistrict = forms.ChoiceField(
        label="街镇", required=False, choices=[("", "全部"), *((name, name) for name in SUBDISTRICTS)]
    )


def _person(number: int) -> SimpleNamespace:
    return SimpleNamespace(
        number=number,
        name=SURNAMES[number % 20] + GIVEN[(number * 7) % 13],
        place=PLACES[(number * 5) % 6],
        subdistrict=SUBDISTRICTS[number % 10],
        score=4.9 - 0.006 * number,
        ballots=60 + (number * 37) % 180,
        state=("done", "open", "late", "waiting", "stopped")[(number * 3) % 5],
        word=("已收齐", "填写中", "逾期 3 天", "未开始", "已退回")[(number * 3) % 5],
    )


def _near_cut() -> list[charts.NearCut]:
    people = []
    for rank in range(34, 74):
        person, half = _person(rank), 0.07 + 0.02 * math.sin(rank)
        score = 4.42 - 0.0042 * (rank - 53.5)
        chance = 1 / (1 + math.exp((rank - 53.5) / 3.2))
        people.append(
            charts.NearCut(
                rank, person.name, person.place, score, score - half, score + half, chance, rank <= 53, "#"
            )
        )
    return people


def _coverage() -> list[charts.Bar]:
    return [
        charts.Bar(
            f"{name}街道" if len(name) == 2 else name,
            share := 0.18 + 0.05 * ((n * 7) % 10),
            f"{share:.0%}",
            f"{round(share * 3200):,} / 3,200",
        )
        for n, name in enumerate(SUBDISTRICTS)
    ]


def _estimates() -> list[list[charts.Estimate | None]]:
    rows: list[list[charts.Estimate | None]] = [
        [
            charts.Estimate(v := 3.4 + 0.13 * ((3 * i + s) % 11), v - 0.3 + 0.08 * s, v + 0.3 - 0.08 * s, 3.9)
            for s in range(3)
        ]
        for i in range(4)
    ]
    rows[2][2] = None
    return rows


@register.simple_tag
def samples() -> SimpleNamespace:
    """Everything the style guide shows, under one name."""
    people = [_person(number) for number in range(1, 301)]
    wrong = SampleForm({"since": "2021-02-30", "subdistrict": "东渡"}, auto_id="wrong_%s")
    wrong.is_valid()
    return SimpleNamespace(
        three=people[:3],
        many=people,
        page=Paginator(people, 20).page(7),
        long_name="阿卜杜热西提·麦麦提明·买买提艾力（梅园镇北渡村党总支书记、村民委员会主任）",
        form=SampleForm(),
        wrong=wrong,
        filter=SampleFilter(),
        digest="3f9a12cd4f0b77a8e1c5d2963b0a4e58c7f1029d6be3a5840f1d9c2e7b6a8354",
        blockers=[
            Blocker(
                "coverage",
                "有 3 个居村的有效票不足 10 张。",
                "请在截止前到现场补发二维码，或在规则书里说明理由。",
            ),
            Blocker("avoidance", "王丽华评了自己带教的小梁赵敏。", "请撤回该份评估，改派其他大梁。"),
        ],
        steps=[
            {"name": "名册", "state": "done", "word": "已完成", "note": "278 人，9 月 3 日"},
            {"name": "开启", "state": "done", "word": "已完成", "note": "规则书第 1 版"},
            {"name": "收集", "state": "open", "word": "进行中", "note": "还有 6 天"},
            {"name": "计分", "state": "waiting", "word": "未开始", "note": ""},
            {"name": "公示", "state": "waiting", "word": "未开始", "note": "5 个工作日"},
        ],
        tabs=[
            {"label": "概况", "url": "#", "current": True},
            {"label": "评估表", "url": "#", "count": 12},
            {"label": "选票", "url": "#", "count": 108},
            {"label": "带教", "url": "#"},
        ],
        cut=charts.cut_line_chart(_near_cut(), cut=4.42, places=53, title="入选线前后各 20 人"),
        bars=charts.bars(
            _coverage(), title="各街镇居民参与率", full=1, mark=0.3, mark_label="规则书要求不低于 30%"
        ),
        strip=charts.strip(
            [4.0 + 0.28 * math.sin(n * 1.7) + 0.25 * math.cos(n * 0.37) for n in range(278)],
            cut=4.29,
            title="278 位书记的得分",
        ),
        profile=charts.profile(
            ["党员管得住", "群众愿意跟", "引领有章法", "工作落地快"],
            ["大梁实地", "居民线上", "街镇部门"],
            _estimates(),
            title="赵敏：四项指标，三方评价",
        ),
    )
