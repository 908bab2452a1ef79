import pytest

from dongliang.ballots.templatetags.phrases import numbered


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("书记办事，您信得过、愿意一起出力吗？", ["2. 书记办事，", "您信得过、", "愿意一起出力吗？"]),
        (
            "Do you trust the secretary, and would you help?",
            ["2. Do you trust the secretary, and would you help?"],
        ),
        ("<b>好？", ["2. &lt;b&gt;好？"]),
    ],
)
def test_a_question_breaks_between_its_chinese_phrases_only(question, parts):
    assert numbered(2, question) == "".join(f'<span class="phrase">{part}</span>' for part in parts)
