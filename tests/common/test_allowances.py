from dongliang.common.allowances import Allowances


class Clock:
    at = 100.0

    def __call__(self):
        return self.at


def test_a_caller_has_so_many_at_once_and_so_many_anew():
    clock = Clock()
    allowances = Allowances(3, 3 / 60, clock=clock)

    first = [allowances.takes("a") for _ in range(4)]
    others = allowances.takes("b")
    clock.at += 20
    later = [allowances.takes("a") for _ in range(2)]
    clock.at += 3600
    much_later = [allowances.takes("a") for _ in range(4)]

    assert first == [True, True, True, False]
    assert others
    assert later == [True, False]
    assert much_later == [True, True, True, False]


def test_those_who_asked_longest_ago_are_forgotten():
    allowances = Allowances(1, 1 / 60, most=2, clock=Clock())
    for caller in ("a", "b", "a", "c"):
        allowances.takes(caller)

    assert list(allowances.left) == ["a", "c"]
