import datetime

import pytest
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from dongliang.common.log import verify_chain
from dongliang.people.actions import apply_roster, set_up_district
from dongliang.people.models import Account, Organisation, Person, Post, Role, Tenure
from dongliang.people.roster.planning import Difference, RosterPlan, plan_roster
from dongliang.people.roster.reading import read_roster
from tests.factories.people import UNITS, make_mentor_row, make_roster, make_row

pytestmark = pytest.mark.django_db
MAY, JUNE = datetime.date(2021, 5, 8), datetime.date(2021, 6, 1)


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def district() -> Organisation:
    return set_up_district("LZ", "梁州区", by=None)


def plan(district: Organisation, *rows, **sheets) -> RosterPlan:
    return plan_roster(district, read_roster("a.xlsx", make_roster(*rows, **sheets)))


def load(district: Organisation, *rows, **sheets) -> RosterPlan:
    planned = plan(district, *rows, **sheets)
    assert planned.refusals == []
    apply_roster(planned, by=None)
    return planned


def refused(planned: RosterPlan) -> list[tuple[str, int | None, str, str, str]]:
    return [(one.sheet, one.row, one.column, one.value, one.allowed) for one in planned.refusals]


def tenures() -> list[tuple[str, str, str, datetime.date, datetime.date | None]]:
    return [
        (str(tenure.post), tenure.person.name, tenure.kind, tenure.starts_on, tenure.ends_on)
        for tenure in Tenure.objects.order_by("post__organisation__code", "starts_on")
    ]


def test_a_first_roster_builds_the_tree_with_codes_in_the_order_of_the_file(district: Organisation):
    load(district, make_row(1), make_row(2, 街镇="石桥镇", 类型="村"), make_row(3))

    assert list(Organisation.objects.values_list("code", "name", "kind", "parent__code")) == [
        ("LZ", "梁州区", "district", None),
        ("LZ01", "望梁街道", "subdistrict", "LZ"),
        ("LZ0101", "柳荫第1居民区", "neighbourhood", "LZ01"),
        ("LZ0102", "柳荫第3居民区", "neighbourhood", "LZ01"),
        ("LZ02", "石桥镇", "town", "LZ"),
        ("LZ0201", "柳荫第2居民区", "village", "LZ02"),
        ("LZD01", "民政局", "department", "LZ"),
    ]
    assert tenures() == [
        ("柳荫第1居民区", "周兰1", "new", MAY, None),
        ("柳荫第3居民区", "周兰3", "new", MAY, None),
        ("柳荫第2居民区", "周兰2", "new", MAY, None),
    ]
    assert verify_chain() == (2, None)


def test_codes_once_given_stay_and_later_ones_follow(district: Organisation):
    load(district, make_row(1))

    load(district, make_row(2), make_row(1), units=[{"名称": "新城街道", "类型": "街道"}, *UNITS])

    assert dict(Organisation.objects.values_list("name", "code")) == {
        "梁州区": "LZ",
        "望梁街道": "LZ01",
        "石桥镇": "LZ02",
        "新城街道": "LZ03",
        "民政局": "LZD01",
        "柳荫第1居民区": "LZ0101",
        "柳荫第2居民区": "LZ0102",
    }


def test_codes_of_more_than_ninety_nine_never_meet(district: Organisation):
    units = [{"名称": f"第{n}街道", "类型": "街道"} for n in range(1, 121)]

    load(district, *(make_row(n, 街镇=f"第{n % 3 + 10}街道") for n in range(1, 361)), units=units)

    assert Organisation.objects.count() == Organisation.objects.values("code").distinct().count() == 481


def test_the_same_roster_again_changes_nothing(district: Organisation):
    sheets = {"mentors": [make_mentor_row(1), make_mentor_row(2, 所在街镇=None)]}
    load(district, make_row(1, 性别="女", 户数=1000), make_row(2, 手机=None), **sheets)
    before = (tenures(), list(Person.objects.values()), list(Organisation.objects.values()))

    again = load(district, make_row(1, 性别="女", 户数=1000), make_row(2, 手机=None), **sheets)

    assert again.counts == {"added": 0, "changed": 0, "unchanged": 7, "waiting": 0}
    assert (tenures(), list(Person.objects.values()), list(Organisation.objects.values())) == before


def test_planning_writes_nothing_and_asks_as_many_queries_for_a_hundred_rows_as_for_one(
    district: Organisation, django_assert_num_queries
):
    one = read_roster("a.xlsx", make_roster(make_row(1)))
    hundred = read_roster("a.xlsx", make_roster(*(make_row(n) for n in range(1, 101))))

    with django_assert_num_queries(5):
        plan_roster(district, one)
    with django_assert_num_queries(5):
        plan_roster(district, hundred)

    assert Organisation.objects.count() == 1


def test_an_empty_cell_leaves_what_is_known(district: Organisation):
    load(district, make_row(1, 性别="女", 出生年=1975, 户数=1000, 小区类型="里弄"))

    again = load(district, make_row(1, 手机=None))

    assert again.counts["changed"] == 0
    assert Person.objects.values_list("gender", "born", "mobile").get() == ("female", 1975, "13900000001")


def test_a_changed_cell_is_shown_before_and_after(district: Organisation):
    load(district, make_row(1, 性别="女", 户数=1000))

    changed = load(district, make_row(1, 性别="男", 户数=1200, 手机="13911111111", 类型="村"))

    assert changed.rows["书记", 2].differences == [
        Difference("类型", "居民区", "村"),
        Difference("户数", "1000", "1200"),
        Difference("性别", "女", "男"),
        Difference("手机", "13900000001", "13911111111"),
    ]
    assert Person.objects.values_list("gender", "mobile").get() == ("male", "13911111111")


def test_another_name_takes_over_and_the_term_before_ends_the_day_before(district: Organisation):
    load(district, make_row(1, 手机=None))

    load(district, make_row(1, 姓名="吴建国", 手机=None, 到任日期=JUNE))

    assert tenures() == [
        ("柳荫第1居民区", "周兰1", "new", MAY, datetime.date(2021, 5, 31)),
        ("柳荫第1居民区", "吴建国", "new", JUNE, None),
    ]


def test_two_secretaries_may_change_places_in_one_import(district: Organisation):
    load(district, make_row(1), make_row(2))

    swapped = load(
        district,
        make_row(1, 居村="柳荫第2居民区", 到任日期=JUNE, 任职方式="转任"),
        make_row(2, 居村="柳荫第1居民区", 到任日期=JUNE, 任职方式="转任"),
    )

    end = datetime.date(2021, 5, 31)
    assert tenures() == [
        ("柳荫第1居民区", "周兰1", "new", MAY, end),
        ("柳荫第1居民区", "周兰2", "moved", JUNE, None),
        ("柳荫第2居民区", "周兰2", "new", MAY, end),
        ("柳荫第2居民区", "周兰1", "moved", JUNE, None),
    ]
    assert swapped.rows["书记", 2].differences == [
        Difference("姓名", "周兰2", "周兰1"),
        Difference("居村", "柳荫第1居民区", "柳荫第2居民区"),
        Difference("到任日期", "2021-05-08", "2021-06-01"),
        Difference("任职方式", "新任", "转任"),
    ]


def test_who_moves_away_leaves_the_old_post_vacant(district: Organisation):
    load(district, make_row(1))

    load(district, make_row(1, 居村="柳荫第2居民区", 到任日期=JUNE, 任职方式="转任"))
    vacant = {"街镇": "望梁街道", "居村": "柳荫第1居民区"}

    assert tenures() == [
        ("柳荫第1居民区", "周兰1", "new", MAY, datetime.date(2021, 5, 31)),
        ("柳荫第2居民区", "周兰1", "moved", JUNE, None),
    ]
    assert load(district, vacant).counts == {"added": 0, "changed": 0, "unchanged": 4, "waiting": 0}


def test_a_successor_may_come_before_or_after_the_mover_has_left(district: Organisation):
    load(district, make_row(1), make_row(3))

    load(
        district,
        make_row(1, 居村="柳荫第2居民区", 到任日期=JUNE, 任职方式="转任"),
        make_row(4, 居村="柳荫第1居民区", 到任日期=datetime.date(2021, 5, 20)),
        make_row(3, 居村="柳荫第5居民区", 到任日期=JUNE, 任职方式="转任"),
        make_row(6, 居村="柳荫第3居民区", 到任日期=datetime.date(2021, 7, 1)),
    )

    ended = Tenure.objects.exclude(ends_on=None).order_by("person__name")
    assert list(ended.values_list("person__name", "ends_on")) == [
        ("周兰1", datetime.date(2021, 5, 19)),
        ("周兰3", datetime.date(2021, 5, 31)),
    ]


def test_a_later_date_is_a_correction_but_a_re_election_years_later_is_a_new_term(district: Organisation):
    load(district, make_row(1), make_row(2, 到任日期=datetime.date(2018, 6, 1)))

    load(
        district,
        make_row(1, 到任日期=JUNE, 任职方式="代理"),
        make_row(2, 到任日期=JUNE, 任职方式="连任"),
    )

    assert tenures() == [
        ("柳荫第1居民区", "周兰1", "acting", JUNE, None),
        ("柳荫第2居民区", "周兰2", "new", datetime.date(2018, 6, 1), datetime.date(2021, 5, 31)),
        ("柳荫第2居民区", "周兰2", "reelected", JUNE, None),
    ]


def test_a_name_is_corrected_where_mobile_post_and_date_are_the_same(district: Organisation):
    load(district, make_row(1, 姓名="周兰音"))

    corrected = load(district, make_row(1, 姓名="周兰英"))

    assert corrected.rows["书记", 2].differences == [Difference("姓名", "周兰音", "周兰英")]
    assert list(Person.objects.values_list("name", flat=True)) == ["周兰英"]


def test_a_mobile_of_somebody_else_is_refused(district: Organisation):
    load(district, make_row(1))

    assert refused(plan(district, make_row(1, 姓名="吴建国", 到任日期=JUNE))) == [
        (
            "书记",
            2,
            "手机",
            "13900000001",
            "The mobile of 吴建国: it is 周兰1's. Two people cannot share one; correct it, or empty the cell.",
        )
    ]


def test_the_same_neighbourhood_twice_is_refused(district: Organisation):
    assert refused(plan(district, make_row(1), make_row(2, 居村="柳荫第1居民区"))) == [
        ("书记", 3, "居村", "柳荫第1居民区", "Each neighbourhood once; row 2 has it already.")
    ]


def test_the_same_unit_twice_is_refused(district: Organisation):
    assert refused(plan(district, units=[*UNITS, UNITS[0]])) == [
        ("街镇部门", 5, "名称", "望梁街道", "Each once; row 2 has it already.")
    ]


def test_an_unknown_subdistrict_is_refused_with_those_there_are(district: Organisation):
    allowed = "A subdistrict or town on record or on the sheet 街镇部门: 望梁街道、石桥镇."

    assert refused(plan(district, make_row(1, 街镇="东渡街道"), make_row(2, 街镇="民政局"))) == [
        ("书记", 2, "街镇", "东渡街道", allowed),
        ("书记", 3, "街镇", "民政局", allowed),
    ]
    assert refused(plan(district, make_row(1), units=[])) == [
        ("书记", 2, "街镇", "望梁街道", "A name on the sheet 街镇部门. There is none yet: add that sheet.")
    ]


def test_a_subdistrict_on_record_need_not_be_in_the_file(district: Organisation):
    load(district)

    assert load(district, make_row(9), units=[]).counts["added"] == 1


def test_a_person_in_two_posts_is_refused(district: Organisation):
    rows = make_row(1), make_row(2, 姓名="周兰1", 手机="13900000001")

    assert refused(plan(district, *rows)) == [
        (
            "书记",
            3,
            "手机",
            "13900000001",
            "A person in one post; row 2 has 周兰1 at 柳荫第1居民区.",
        )
    ]


def test_a_date_not_after_the_predecessors_or_within_a_past_term_is_refused(district: Organisation):
    load(district, make_row(1), make_row(2))
    load(district, make_row(3, 居村="柳荫第1居民区", 到任日期=JUNE))

    assert refused(
        plan(
            district,
            make_row(4, 居村="柳荫第2居民区"),
            make_row(3, 居村="柳荫第1居民区", 到任日期=datetime.date(2021, 5, 20)),
            make_row(1, 居村="柳荫第5居民区", 到任日期=datetime.date(2021, 5, 31)),
        )
    ) == [
        ("书记", 2, "到任日期", "2021-05-08", "A date after 2021-05-08, when 周兰2 came to 柳荫第2居民区."),
        (
            "书记",
            3,
            "到任日期",
            "2021-05-20",
            "A date after 2021-05-31: until then 周兰1 was at 柳荫第1居民区.",
        ),
        (
            "书记",
            4,
            "到任日期",
            "2021-05-31",
            "A date after 2021-05-31: until then 周兰1 was at 柳荫第1居民区.",
        ),
    ]


def test_who_serves_in_another_district_is_not_taken_from_there(district: Organisation):
    other = set_up_district("HY", "河阳区", by=None)
    load(other, make_row(1))

    assert refused(plan(district, make_row(1, 到任日期=JUNE))) == [
        (
            "书记",
            2,
            "姓名",
            "周兰1",
            "Somebody who holds no post in another district; 周兰1 serves at 柳荫第1居民区 there.",
        )
    ]


def test_a_subdistrict_becomes_a_town_but_no_department(district: Organisation):
    load(district)

    changed = plan(district, units=[{"名称": "望梁街道", "类型": "镇"}, {"名称": "民政局", "类型": "镇"}])

    assert changed.rows["街镇部门", 2].differences == [Difference("类型", "街道", "镇")]
    assert refused(changed) == [
        (
            "街镇部门",
            3,
            "类型",
            "镇",
            "部门, as 民政局 is on record. A subdistrict does not become a department.",
        )
    ]


def test_a_mentor_who_serves_is_one_person_with_the_secretary(district: Organisation):
    mentors = [
        make_mentor_row(姓名="周兰1", 手机="13900000001"),
        make_mentor_row(姓名="周兰2", 手机="13822222222", 所在街镇="望梁街道"),
        make_mentor_row(姓名="周兰3", 手机=None, 所在街镇="望梁街道"),
    ]

    load(district, make_row(1), make_row(2, 手机=None), make_row(3), mentors=mentors)

    assert sorted(Person.objects.values_list("name", "mobile")) == [
        ("周兰1", "13900000001"),
        ("周兰2", "13822222222"),
        ("周兰3", "13900000003"),
    ]


def test_a_mentor_who_cannot_be_told_is_refused(district: Organisation):
    mentors = [
        make_mentor_row(1, 手机=None),
        make_mentor_row(2, 手机="13900000001"),
        make_mentor_row(3, 所在街镇="民政局"),
        make_mentor_row(4),
        make_mentor_row(5, 姓名="沈国4", 手机="13800000004"),
    ]

    assert refused(plan(district, make_row(1), mentors=mentors)) == [
        ("大梁", 2, "手机", "", "The mobile of 沈国1: 0 people of that name are on record there."),
        ("大梁", 3, "姓名", "沈国2", "周兰1, whose mobile 13900000001 is; or correct the mobile."),
        (
            "大梁",
            4,
            "所在街镇",
            "民政局",
            "A subdistrict or town on record or on the sheet 街镇部门: 望梁街道、石桥镇.",
        ),
        ("大梁", 6, "姓名", "沈国4", "Each once; row 5 has it already."),
    ]


def test_two_sheets_that_say_different_things_of_one_person_are_refused(district: Organisation):
    mentor = make_mentor_row(姓名="周兰1", 手机="13900000001", 出生年=1971)

    assert refused(plan(district, make_row(1, 出生年=1970), mentors=[mentor])) == [
        (
            "大梁",
            2,
            "出生年",
            "1971",
            "1970, as sheet 书记, row 2 says of the same person; or correct that one.",
        )
    ]


def test_serving_secretaries_who_are_not_in_the_file_are_counted_and_stay(district: Organisation):
    load(district, make_row(1), make_row(2))

    assert load(district, make_row(1)).absent == 1
    assert Tenure.objects.filter(ends_on=None).count() == 2


def test_a_secretarys_role_follows_from_post_to_post(district: Organisation):
    load(district, make_row(1), make_row(2))
    first = Organisation.objects.get(name="柳荫第1居民区")
    accounts = [
        Account.objects.create(
            username=str(n), display_name=str(n), person=Person.objects.get(name=f"周兰{n}")
        )
        for n in (1, 2)
    ]
    accounts[0].grants.create(role=Role.SECRETARY, organisation=first)

    load(
        district,
        make_row(2, 居村="柳荫第1居民区", 到任日期=JUNE, 任职方式="转任"),
        make_row(1, 居村="柳荫第3居民区", 到任日期=JUNE, 任职方式="转任"),
    )

    assert [list(a.grants.values_list("role", "organisation__name")) for a in accounts] == [
        [("secretary", "柳荫第3居民区")],
        [("secretary", "柳荫第1居民区")],
    ]


rows = st.builds(
    lambda post, who, town, kind, month, with_mobile: make_row(
        post,
        街镇="石桥镇" if town else "望梁街道",
        姓名=f"人{who}",
        手机=f"139{who:08d}" if with_mobile else None,
        到任日期=datetime.date(2020, month, 1),
        任职方式=kind,
    ),
    st.integers(1, 4),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(["新任", "连任", "转任", "代理"]),
    st.integers(1, 12),
    st.booleans(),
)


class TestAnyRosters(TestCase):
    @settings(max_examples=40)
    @given(files=st.lists(st.lists(rows, min_size=1, max_size=5), min_size=1, max_size=4))
    def test_what_is_taken_is_taken_whole_and_a_second_time_changes_nothing(self, files):
        district = set_up_district("LZ", "梁州区", by=None)
        for rows in files:
            content = read_roster("a.xlsx", make_roster(*rows))
            planned = plan_roster(district, content)
            if planned.refusals:
                continue
            apply_roster(planned, by=None)

            again = plan_roster(district, content)

            assert again.refusals == []
            assert (again.counts["added"], again.counts["changed"]) == (0, 0)
            assert Post.objects.count() == Organisation.objects.filter(kind="neighbourhood").count()
