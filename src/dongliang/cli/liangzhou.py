"""The invented district 梁州区: its streets, estates, people and first things. Nobody in it exists."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image, ImageDraw

SUBDISTRICTS = (
    ("望梁街道", "街道"),
    ("柳荫街道", "街道"),
    ("河湾街道", "街道"),
    ("青枫街道", "街道"),
    ("长堤街道", "街道"),
    ("石桥镇", "镇"),
    ("云塘镇", "镇"),
    ("南栅街道", "街道"),
    ("宜川里街道", "街道"),
    ("桑园镇", "镇"),
)
DEPARTMENTS = ("民政局", "房管局", "城管执法局", "党群服务中心")

ESTATE_STEMS = (
    "桂香 梧桐 银杏 香樟 玉兰 海棠 翠竹 红梅 金桂 紫藤 雪松 白杨 芙蓉 丁香 木棉 石榴 枇杷 杏花 桃李 荷塘 "
    "兰亭 松鹤 晨曦 春晖 秋实 安和 安顺 永宁 永泰 新丰 新安 同福 同乐 大同 吉庆 康宁 康乐 平安 平阳 长风 "
    "清涧 清河 清泉 澄江 曲水 汇泉 望江 望湖 临河 沿浜 南浦 北浦 东港 西港 中塘 上塘 下塘 前浜 后浜 渡口"
).split()
ESTATE_ENDINGS = {
    "workers": ("一村", "二村", "三村", "新村"),
    "commercial": ("苑", "名邸", "雅庭", "花园"),
    "relocated": ("家园", "佳苑"),
    "lanes": ("里", "坊"),
    "mixed": ("片区", "居"),
    "rural": ("村",),
}
ESTATE_LABELS = {
    "workers": "工人新村",
    "commercial": "商品房",
    "relocated": "动迁房",
    "lanes": "里弄",
    "mixed": "混合",
    "rural": "农村",
}

SURNAMES = (
    "赵 钱 孙 李 周 吴 郑 王 冯 陈 褚 卫 蒋 沈 韩 杨 朱 秦 尤 许 "
    "何 吕 施 张 孔 曹 严 华 金 魏 陶 姜 戚 谢 邹 喻 章 苏 潘 葛 "
    "范 彭 鲁 韦 马 苗 方 俞 任 袁 柳 唐 薛 雷 贺 倪 汤 滕 罗 毕 "
    "郝 安 常 傅 卞 齐 康 伍 余 顾 孟 黄"
).split()
GIVEN_FEMALE = (
    "秀英 玉兰 桂芳 丽华 海燕 晓红 建萍 惠珍 美娟 雅琴 静怡 文娟 春梅 佩芬 慧敏 玲玲 思佳 雨欣 梦洁 晓雯 "
    "嘉敏 莉 洁 倩 颖 敏 芸 琳 燕 霞"
).split()
GIVEN_MALE = (
    "建国 志明 国强 伟民 永康 德明 海平 卫东 宏伟 学军 文斌 晓东 俊杰 志远 天宇 浩然 子健 明辉 家豪 立群 "
    "刚 磊 勇 峰 斌 涛 毅 鹏 翔 超"
).split()

FIRST_THINGS = {
    "housing": (
        (
            "{place}老房加装电梯，一个门洞一个门洞谈",
            "五十二个门洞征询了两轮，低层住户的采光和补偿是绕不过去的难处。",
        ),
        ("{place}外墙渗水，雨季前修完", "顶楼和西墙三十多户年年渗水，维修资金续筹和施工排期同步推进。"),
        ("{place}厨卫合用改独用", "老式合用厨卫逐户量、逐户签，先把愿意的一层做出样子。"),
        ("{place}裂缝墙体鉴定和加固", "请专业单位看过，先贴监测条，再按鉴定结果加固。"),
        ("{place}屋顶漏水，一栋一栋排着修", "先修漏得最厉害的三栋，每修好一栋，请顶楼住户上去看过再验收。"),
        ("{place}下水管换新，一楼不再返水", "老铸铁管年年堵，楼上楼下一起签字，换一根立管停水不过半天。"),
        ("{place}楼道灯一盏不缺，夜里不摸黑", "声控灯坏了四十多盏，统一换成同一型号，备件放在门卫室。"),
        ("{place}阳台雨棚和花架逐户查一遍", "松动的先拆，能固定的当场加固，费用和住户商量着分担。"),
        ("{place}老旧电线入管，先改最险的三个门洞", "飞线绕着晾衣杆走，和供电单位约好日子，按门洞停电施工。"),
        ("{place}空置房有人管，钥匙有人交", "二十多套空房漏水没人应，逐户找到房东，留下电话和备用钥匙。"),
    ),
    "environment": (
        ("打通{place}河边步道", "步道断在围墙里，要业主表决让出一条路。"),
        ("{place}垃圾箱房搬个家", "箱房正对三户窗口，新点位公示了三次才定下来。"),
        ("{place}楼道堆物一次清到底", "先清公共部位，再和每家约定放哪里。"),
        ("{place}小花园重新开门", "荒了六年的绿地，由居民认领养护。"),
        ("{place}绿化带不再种菜，改成大家的花坛", "种菜的老人挑头做花坛，谁种谁认领，牌子上写名字。"),
        ("{place}遛狗有地方，狗便有人拾", "草坪边划出一块遛狗地，放拾便袋，养狗人自己排班检查。"),
        ("{place}河浜边的臭味查到源头", "沿浜排口一个个看过，两处混接的管子改好，水面两周清一次。"),
        ("{place}装修垃圾有固定的一角", "围起一角，预约堆放，三天内清运，价目贴在门口。"),
        ("{place}夜里广场舞的音响商量着放", "跳舞队、考生家长和门卫一起定下钟点和音量，写进公约。"),
        ("{place}修剪挡光的大树，先给低楼层听意见", "十一棵香樟挡了窗，请绿化单位来看过，哪棵剪多少当场定。"),
    ),
    "elderly_and_children": (
        ("{place}为老助餐点，走路五分钟吃上热饭", "独居老人一百二十多位，助餐点选在活动室旁边。"),
        ("{place}暑托班，双职工家庭放心上班", "场地、老师和接送，三件事一件件落实。"),
        ("{place}楼道扶手和休息椅", "六层老房没有电梯，先让老人中途歇得下。"),
        ("{place}骑手顺路看望独居老人", "送餐骑手和楼组长结对，敲一敲门，问一声好。"),
        (
            "{place}口袋里的药箱，每季帮老人理一次",
            "社区医生带着志愿者上门，过期的收走，怎么吃写成大字贴在盒上。",
        ),
        ("{place}独居老人的一通早安电话", "楼组长早上九点前打一通电话，没人接就上门看。"),
        (
            "{place}儿童滑梯旧了，换新的地垫和护栏",
            "地垫翘边绊倒过孩子，家长选样子，施工时另开一处临时玩的地方。",
        ),
        ("{place}放学后一小时，孩子有人看", "活动室下午开门，退休老师轮值，接送登记一人一卡。"),
        ("{place}轮椅下得了楼，坡道接得上门", "三处台阶补坡道，轮椅住户自己来试，陡的地方重新做。"),
        ("{place}老人学手机，从挂号缴费教起", "每周三上午一堂小课，六个人一桌，学会一样再教下一样。"),
    ),
    "property_management": (
        ("{place}停车位重新划线", "三百多辆车、一百八十个位，规则由车主自己表决。"),
        ("{place}选聘新物业，账目全公开", "老物业撤管，过渡期由居委会托底，账目每月上墙。"),
        ("{place}四个小区并成一个，门卫合用", "围墙拆两道，四笔账并一笔，物业费不涨。"),
        ("{place}消防通道守得住", "划线、上桩、值守排班，一样都不少。"),
        ("{place}维修资金怎么用，一张表贴明白", "进了多少、花在哪里、还剩多少，每季贴一次，有疑问当面查账。"),
        ("{place}业委会换届，选出愿意做事的人", "候选人到楼下和大家见面，问答记下来贴在门口，再投票。"),
        ("{place}电动车充电桩进棚，楼道不再拉线", "棚里装四十个插口，价钱表决过，楼道充电的逐户劝下楼。"),
        ("{place}门卫交接有记录，夜里有人巡", "夜班每两小时走一圈，扫码留痕，谁当班写在门口。"),
        ("{place}物业费收缴率，从修好大门开始", "大门坏了半年没人修，先修好再上门收费，欠费的原因一户一记。"),
        ("{place}地下车库积水，雨前泵要转起来", "两台水泵坏了一台，汛期前换好，物业和居民代表一起试车。"),
    ),
    "neighbourly_life": (
        ("{place}共享书房夜里亮灯", "旧仓库改书房，钥匙由居民轮流管。"),
        ("{place}邻里议事厅，每月十五号开门", "议题由居民提，结果在门口贴出来。"),
        ("{place}租客也是邻居，搬来先认门", "新住户一张认门卡，知道有事找谁。"),
        ("{place}家门口便民服务日", "磨刀、修伞、理发、量血压，固定日子不落空。"),
        ("{place}楼组长一楼一位，电话贴在楼下", "五十六个门洞缺十九位楼组长，请邻居自己推，推出来就上墙。"),
        ("{place}调解小屋，吵架先来喝杯茶", "退休法官和老邻居坐班，漏水、噪声、晾晒先在这里谈一轮。"),
        ("{place}旧物交换日，孩子也来摆摊", "每月最后一个周日，衣服、书和玩具换个主人，不用的统一捐走。"),
        ("{place}缝补修理摊回来了", "老师傅缺个摆摊的地方，在车棚边让出两米，价钱大家定。"),
        ("{place}种一面墙的花，各家出一盆", "水泥围墙光秃秃，一户一盆挂上去，浇水排了班。"),
        ("{place}新老邻居一桌饭", "动迁来的和老住户互不相识，每个楼先凑一桌，一家带一个菜。"),
    ),
    "digital": (
        ("{place}一张图看清每户意愿", "每户征询结果按红、黄、绿三色上图，差几户一看就知道。"),
        ("{place}报修掌上办，超时自动提醒", "报修、派单、回访都留痕，超过三天书记亲自过问。"),
        ("{place}老人也会用的智能门禁", "门禁留了刷卡和电话开门，不会用手机也进得了家。"),
        ("{place}电动车进不了电梯", "识别到电动车就不关门，充电桩同时装到楼下。"),
        ("{place}业主表决手机上投，纸票也照收", "两种票并着用，一户只算一次，结果当天贴出来。"),
        ("{place}停车空位看得见，访客少绕一圈", "三个出入口装上余位牌，访客登记后直接指到空位。"),
        ("{place}高空抛物看得清，先提醒再处理", "朝上的镜头只对外墙，资料谁能看、存几天，公示在门口。"),
        ("{place}一户一码报人口，不再反复填表", "同样的信息只填一次，各条线来要，由居委会统一给。"),
        ("{place}独居老人门磁，一天没开门就提醒", "愿意装的才装，提醒先到家人手机，再到楼组长。"),
        ("{place}公告发到群里，也贴到楼下大字版", "群里一条，楼下一张，字号看得清，不上网的也知道。"),
    ),
}

REASON_FOR_RETURN = "备注与打分对不上，请再到现场看一次。"


NOTES = (
    "现场走了两个门洞，居民说得出书记的名字和电话。",
    "看了议事记录和公示栏，结果有公布，时间稍晚。",
    "党员认领的事有三件在办，其中一件还缺材料。",
    "新住户反映不知道找谁，书记当场记下并约了时间。",
    "项目进度和台账对得上，施工现场管理有序。",
    "楼组长能说出自己那栋的难处，书记补充了两户的情况。",
    "议事会开过三次，反对的意见也记在本子上。",
    "办事窗口有人值守，问了三件事，两件当场答复。",
    "微信群里的报修当天有回音，修好的还差两处没回访。",
    "书记认得出多数住户，租客这一块还在摸底。",
    "",
)


@dataclass(frozen=True)
class Neighbourhood:
    """One neighbourhood or village of the invented district, and its secretary."""

    subdistrict: str
    name: str
    is_village: bool
    estate_kind: str
    households: int
    residents: int
    secretary: str
    gender: str
    born: int
    mobile: str
    appointed: str
    since: str


@dataclass(frozen=True)
class MentorPerson:
    name: str
    gender: str
    born: int
    mobile: str
    home: str


def names(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Names without repetition, each with a gender; about as many women as such posts have."""
    female = [(surname + given, "女") for surname, given in product(SURNAMES, GIVEN_FEMALE)]
    male = [(surname + given, "男") for surname, given in product(SURNAMES, GIVEN_MALE)]
    rng.shuffle(female)
    rng.shuffle(male)
    while female or male:
        yield (female if rng.random() < 0.62 or not male else male).pop()


def shares(total: int, parts: int) -> list[int]:
    """``total`` cut into ``parts`` that differ by one at most."""
    return [total // parts + (index < total % parts) for index in range(parts)]


def invent_neighbourhoods(
    rng: np.random.Generator, *, secretaries: int, subdistricts: int, new_share: float = 0.34
) -> list[Neighbourhood]:
    """The district's neighbourhoods in order; about ``new_share`` of the secretaries are new to the job."""
    people = names(rng)
    places = estate_names(rng)
    is_new = np.zeros(secretaries, dtype=bool)
    is_new[rng.permutation(secretaries)[: round(secretaries * new_share)]] = True
    made: list[Neighbourhood] = []
    for (subdistrict, kind), share in zip(
        SUBDISTRICTS[:subdistricts], shares(secretaries, subdistricts), strict=True
    ):
        for position in range(share):
            village = kind == "镇" and position % 5 == 4
            name, estate_kind = next(places[village])
            secretary, gender = next(people)
            households = int(np.clip(rng.lognormal(np.log(950), 0.45), 180, 3600))
            new = bool(is_new[len(made)])
            made.append(
                Neighbourhood(
                    subdistrict=subdistrict,
                    name=name,
                    is_village=village,
                    estate_kind=ESTATE_LABELS[estate_kind],
                    households=households,
                    residents=int(households * rng.uniform(2.2, 2.9)),
                    secretary=secretary,
                    gender=gender,
                    born=int(rng.integers(1978, 1994) if new else rng.integers(1963, 1986)),
                    mobile=mobile(len(made)),
                    appointed="新任" if new else str(rng.choice(["连任", "连任", "连任", "转任"])),
                    since="2021-05-20" if new else f"{rng.integers(2012, 2021)}-{rng.integers(1, 13):02d}-01",
                )
            )
    return made


def invent_mentors(
    rng: np.random.Generator, *, mentors: int, taken: set[str], subdistricts: int
) -> list[MentorPerson]:
    """Experienced secretaries who hold no post now."""
    people = (entry for entry in names(rng) if entry[0] not in taken)
    return [
        MentorPerson(
            *next(people),
            born=int(rng.integers(1956, 1966)),
            mobile=mobile(90_000 + number),
            home=SUBDISTRICTS[number % subdistricts][0],
        )
        for number in range(mentors)
    ]


def mobile(number: int) -> str:
    """A number of the right form; nobody is called."""
    return f"199{number:08d}"


def estate_names(rng: np.random.Generator) -> dict[bool, Iterator[tuple[str, str]]]:
    """Names without repetition for villages (True) and for neighbourhoods (False), each with its kind of estate."""
    urban = [
        (stem + ending, kind)
        for kind, endings in ESTATE_ENDINGS.items()
        if kind != "rural"
        for stem, ending in product(ESTATE_STEMS, endings)
    ]
    rural = [(stem + ending, "rural") for stem, ending in product(ESTATE_STEMS, ESTATE_ENDINGS["rural"])]
    rng.shuffle(urban)
    rng.shuffle(rural)
    return {False: iter(urban), True: iter(rural)}


def invent_first_thing(rng: np.random.Generator, place: str, category: str) -> tuple[str, str]:
    """A title and what is to change, for a category of the shipped rule book."""
    title, summary = FIRST_THINGS[category][rng.integers(len(FIRST_THINGS[category]))]
    return title.format(place=place), summary


# What residents write beside their marks, and what of it is withheld, by a word in it.
COMMENTS = (
    "楼道灯坏了当天就有人来修，点赞。",
    "停车还是乱，希望晚上也有人管一管。",
    "书记下雨天还来看我们老人，谢谢。",
    "业委会换届讲得清清楚楚，大家心里有数。",
    "加装电梯的事拖了一年，盼个准信。",
    "有问题请打我电话 13800000000，白天都在。",
    "新开的便民理发很好，能不能一周两次？",
    "本店洗衣八折，欢迎光临！",
    "垃圾房的味道比去年好多了。",
    "开会通知早两天贴出来，上班的人也好请假。",
)
WITHHELD = {"███": "personal", "本店": "advertisement"}

# What secretaries write that they will do.
RESOLVES = (
    "每周二下午把办公桌搬到楼下，当面听、当面记，月底在公告栏里逐条回音。",
    "把租客和新搬来的邻居请进议事会，先从停车这件事商量起。",
    "难办的事都写上期限和经办人，贴在居委会门口。",
    "跟着大梁走一遍他们的议事流程，回来照着开第一次会。",
    "楼组党员每人认领一件小事，做完了自己上台讲。",
    "",
)

# What the two of the panel write: over flags that they differ on, and over those that they both exclude.
VERDICTS = (
    ("和其他居村相比偏高，建议不计入。", "问过居委会，居民确实满意，证据不够。"),
    ("十几分钟里几十张票一模一样，那晚没有会议也没有通知。", "时间过于集中，其余时段没有这样的票。"),
)


def notice_board() -> bytes:
    """What a phone might have taken of a notice board, as nobody's real one: a frame and four sheets of paper."""
    picture = Image.new("RGB", (960, 720), (176, 168, 150))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((90, 80, 870, 620), fill=(70, 92, 84), outline=(58, 44, 30), width=16)
    for column, height in enumerate((380, 420, 330, 400)):
        left = 130 + 185 * column
        draw.rectangle((left, 130, left + 150, 130 + height), fill=(250, 246, 235))
        for line in range(170, 110 + height, 26):
            draw.line((left + 18, line, left + 130 - line % 37, line), fill=(60, 60, 60), width=4)
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()


STRENGTHS_IN_WORDS = (
    "加装电梯谈成过三十多个门洞，低层住户怎么谈可以来找我。",
    "管过老小区并物业的账，维修资金的事可以问我。",
    "楼组长队伍带出来两批，发动居民有些办法。",
    "动迁小区待了十二年，新老居民磨合的事见得多。",
    "议事会开过上百场，吵起来怎么收场可以聊聊。",
)
NEEDS_IN_WORDS = (
    "电梯谈了两轮，一楼住户一直不松口。",
    "物业要撤，业委会又没选出来，车位天天吵。",
    "党员年纪大，支部活动叫不动人。",
    "独居老人多，楼组长只有一半。",
    "居民群里意见多，事情推不动，进度拖着。",
    "楼道堆物清了又堆，垃圾箱房也有人反对。",
)
AGREEMENTS = (
    (
        "小梁能独立开好一次居民议事会，议题、表决和结果都有记录。\n“开门第一件事”按期落地，居民说得出变化。",
        (
            "一起走完全部楼组",
            "列出三件难事，排先后",
            "旁听一次议事会",
            "小梁主持，大梁旁听",
            "第一件事开工",
            "回头看，写成案例",
        ),
    ),
    (
        "小梁摸清一本账：人、房、事各有底数。\n能自己谈下一户最难的住户。",
        ("跟大梁走访十户", "自己走访二十户", "补齐楼组长", "谈最难的三户", "公示进度", "总结半年"),
    ),
)
STUDIO_STRENGTHS = (
    "加装电梯、协商议事",
    "物业交接、业委会换届",
    "停车自治、楼道清理",
    "为老服务、志愿者队伍",
)
# A question, what it is about, whether without a name, the answer or nothing.
BOX = (
    (
        "业委会换届没人报名怎么办",
        "公告贴了两周，只有一位老同志来问。",
        True,
        "先不急着报名，请每栋楼推一位大家信得过的联络员，办两件小事，再从里面动员。",
    ),
    (
        "楼道电瓶车进门，劝了又来",
        "装了梯控，有人拆线。",
        False,
        "先在楼下把充电棚装好、电价降下来，再谈梯控。",
    ),
    ("租客不参加议事会，怎么请", "小区一半是租户。", True, ""),
)
STUDY = (
    "老旧小区停车自治",
    "一份可以照着用的停车公约样本，附三个小区的做法。",
    "各居民区先摸清车位和车辆数；把“先到先停”改成轮停；收的钱每月上墙。下次带各自的公约草稿来。",
    "一、车位怎么算：先数清，再公示。\n二、谁来定：楼组推选代表表决。\n三、钱怎么用：每月上墙。",
)
VISITS = (
    (
        "低层住户不同意装电梯怎么谈",
        "先听采光的担心，请专业人士上门量一次，再谈补偿。",
        "约三户一起去看装好的门洞",
    ),
    (
        "物业撤管，过渡期谁来管",
        "居委会先托底，账目每周上墙，同时把业委会候选人请出来。",
        "本周公布过渡期账目",
    ),
    ("议事会来的总是那几个人", "换个时间，开到楼下去，先请租客和年轻家长。", "周六晚上在楼下开一次"),
    ("楼组长缺一半", "从热心邻居里请，一人一楼，事情小一点，先干起来。", "走访五位热心邻居"),
    ("停车位划线有人反对", "规则让车主自己表决，先公布三个方案。", "三个方案贴出来征求意见"),
    ("独居老人怎么看得过来", "请骑手和邻居结对，敲门有记录。", "先给十位老人结好对"),
)
