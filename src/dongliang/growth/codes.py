"""The code on the projector at a training session. It turns every half minute; a photo of it is soon worth nothing.

A code is an HMAC of the session and the time step under the installation's secret. What it opens is a short signed
pass for one account, so that whoever scans in time can still press the button a little later.
"""

import datetime

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

STEP = 30
# Enough that nobody guesses one within its minute, short enough for a square that the last row can scan.
LENGTH = 12
PASS_LASTS = datetime.timedelta(minutes=3)
SALT = "dongliang.growth.codes"


def step_at(moment: datetime.datetime) -> int:
    return int(moment.timestamp()) // STEP


def seconds_left(moment: datetime.datetime) -> int:
    return STEP - int(moment.timestamp()) % STEP


def code_of(session: int, step: int) -> str:
    return salted_hmac(SALT, f"{session}:{step}", algorithm="sha256").hexdigest()[:LENGTH]


def is_current(session: int, code: str, moment: datetime.datetime) -> bool:
    """Whether ``code`` is on the screen, or was until a moment ago: the previous step counts too."""
    here = step_at(moment)
    return any(constant_time_compare(code, code_of(session, step)) for step in (here, here - 1))


def issue_pass(session: int, account: int) -> str:
    return signing.dumps([session, account], salt=SALT)


def opens(token: str, session: int, account: int) -> bool:
    """Whether ``token`` was issued for this session and this account, and lately."""
    try:
        return bool(signing.loads(token, salt=SALT, max_age=PASS_LASTS) == [session, account])
    except signing.BadSignature:
        return False
