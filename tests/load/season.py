"""Makes a season with open rounds in the database at hand, and prints its key and the codes of its households.

``python -m tests.load.season MOST``, with DONGLIANG_DATABASE and DONGLIANG_HOME set.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dongliang.settings")


def main(most: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from dongliang.ballots import codes
    from dongliang.ballots.keys import season_key
    from tests.factories.ballots import make_projects, make_rounds
    from tests.factories.season import make_world

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    world = make_world()
    make_projects(world.season)
    make_rounds(world.season)
    key = season_key(world.season)
    print(key.hex())
    each = min(most // len(world.enrolments), codes.HIGHEST_SERIAL)
    for enrolment in world.enrolments:
        print("\n".join(codes.mint(key, enrolment.number, serial) for serial in range(1, each + 1)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
