import datetime

import pytest
from django.utils import translation

from dongliang.awards.printing import Paper, certificates_pdf, wording


def paper(**changes) -> Paper:
    said = {
        "number": "LZ-2021-A-S1-001",
        "name": "周兰英",
        "place": "望梁街道 柳荫第一居民区",
        "season": "“大梁带小梁”2021 年度",
        "honour": "最美书记",
        "project": "",
        "day": datetime.date(2021, 12, 21),
        "address": "http://127.0.0.1:8000/certificate/LZ-2021-A-S1-001/",
    }
    return Paper(**said | changes)


def pages(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") or pdf.count(b"/Type/Page/") or pdf.count(b"/MediaBox")


@pytest.mark.parametrize("language", ["zh-hans", "zh-hant", "en"])
def test_there_is_a_page_for_each_certificate(language):
    long = paper(
        name="欧阳慕容司徒上官诸葛",
        project="老旧小区加装电梯与下沉式小广场同步改造、停车位共享和夜间错峰开放的一揽子办法",
        honour="最受欢迎的“开门第一件事”",
    )
    with translation.override(language):
        made = certificates_pdf([paper(), long], office="梁州区“大梁带小梁”工作办公室")

    assert made.startswith(b"%PDF-")
    assert pages(made) == 2


def test_a_certificate_of_a_project_names_it():
    assert (
        wording(paper(project="楼道亮起来"))
        == "在“大梁带小梁”2021 年度工作中，您牵头办成的“楼道亮起来”被评为"
    )
