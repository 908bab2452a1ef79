"""Signing in with a password, and the pause after too many wrong ones."""

import datetime
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db.models import F
from django.http import HttpRequest
from django.utils.timezone import now

from dongliang.people.models import Account

WRONG_PASSWORDS_ALLOWED = 8
PAUSE = datetime.timedelta(minutes=10)


class LockingBackend(ModelBackend):
    """Django's own backend, but an account rests for ten minutes after eight wrong passwords in a row."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Account | None:
        accounts = Account.objects.filter(username=username)
        # No pause ends later than one that begins now: after the clock was set back, nobody waits for the old time.
        if accounts.filter(locked_until__gt=now(), locked_until__lte=now() + PAUSE).exists():
            # As slow as a wrong password, so that the time taken does not tell a resting account.
            make_password(password)
            return None
        account = super().authenticate(request, username=username, password=password, **kwargs)
        if account is not None:
            accounts.exclude(failed_sign_ins=0, locked_until=None).update(
                failed_sign_ins=0, locked_until=None
            )
        elif accounts.update(failed_sign_ins=F("failed_sign_ins") + 1):
            accounts.filter(failed_sign_ins__gte=WRONG_PASSWORDS_ALLOWED).update(
                failed_sign_ins=0, locked_until=now() + PAUSE
            )
        return account
