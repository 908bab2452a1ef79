"""The one settings module. Everything that may vary is read from the environment here; docs/settings.md lists it."""

import os
import secrets
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured


def env_flag(name: str, *, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name} is {value!r}. Use 'true' or 'false'.")
    return value == "true"


def env_count(name: str, default: int) -> int:
    value = os.environ.get(name)
    if value is None:
        return default
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name} is {value!r}. Use a whole number, such as 0 or 1.")
    return int(value)


def env_list(name: str, default: list[str]) -> list[str]:
    value = os.environ.get(name)
    return default if value is None else [part.strip() for part in value.split(",") if part.strip()]


def env_number(name: str, *, default: int) -> int:
    value = os.environ.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()):
        raise ImproperlyConfigured(f"{name} is {value!r}. Use a whole number.")
    return int(value)


def kept_secret(path: Path) -> str:
    """The secret in ``path``; made there, for this user's eyes only, the first time."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secret := secrets.token_urlsafe(48))
    return secret


PACKAGE = Path(__file__).parent

HOME = Path(os.environ.get("DONGLIANG_HOME", "dongliang-data")).resolve()
HOME.mkdir(parents=True, exist_ok=True, mode=0o700)

DEBUG = env_flag("DONGLIANG_DEBUG", default=False)
SECRET_KEY = os.environ.get("DONGLIANG_SECRET_KEY") or kept_secret(HOME / "secret.key")
ALLOWED_HOSTS = env_list("DONGLIANG_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("DONGLIANG_TRUSTED_ORIGINS", [])

# So many proxies of ours stand in front, each of which adds to X-Forwarded-For the address it was called from.
TRUSTED_PROXIES = env_count("DONGLIANG_PROXIES", 0)

# Where the keys of the ballot rounds lie: never in the database, so that its holder cannot tie a code to a ballot.
BALLOT_KEYS = Path(os.environ.get("DONGLIANG_BALLOT_KEYS", HOME / "ballot-keys"))

# The address printed in QR codes; empty means the address the office used when it printed them.
PUBLIC_URL = os.environ.get("DONGLIANG_PUBLIC_URL", "").rstrip("/")

# How text messages with a code go out; without a gateway nobody can vote by phone number.
SMS_GATEWAY = os.environ.get("DONGLIANG_SMS_GATEWAY", "")
SMS_URL = os.environ.get("DONGLIANG_SMS_URL", "")
SMS_BODY = os.environ.get("DONGLIANG_SMS_BODY", '{"mobile": "$number", "code": "$code"}')
SMS_AUTHORIZATION = os.environ.get("DONGLIANG_SMS_AUTHORIZATION", "")
SMS_ACCEPTED = os.environ.get("DONGLIANG_SMS_ACCEPTED", "")
SMS_DAILY = env_number("DONGLIANG_SMS_DAILY", default=20_000)

# The WeChat official account (服务号) that tells residents apart.
WECHAT_APP_ID = os.environ.get("DONGLIANG_WECHAT_APP_ID", "")
WECHAT_SECRET = os.environ.get("DONGLIANG_WECHAT_SECRET", "")
WECHAT_AUTHORIZE = "https://open.weixin.qq.com/connect/oauth2/authorize"
WECHAT_TOKEN = "https://api.weixin.qq.com/sns/oauth2/access_token"

DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DONGLIANG_DATABASE", f"sqlite:///{HOME / 'dongliang.sqlite3'}"),
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: two writers queue instead of one failing half-way. FULL: an acknowledged ballot survives a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }

if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A line that was cut is noticed within seconds, by who sends and by who waits. What the URL says goes before.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 8_000,
    } | DATABASES["default"].get("OPTIONS", {})

INSTALLED_APPS = [
    "dongliang.common",
    "dongliang.people",
    "dongliang.seasons",
    "dongliang.mentoring",
    "dongliang.projects",
    "dongliang.growth",
    "dongliang.turnover",
    "dongliang.review",
    "dongliang.ballots",
    "dongliang.scoring",
    "dongliang.awards",
    "dongliang.years",
    "dongliang.portal",
    "rules.apps.AutodiscoverRulesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dongliang.common.middleware.content_security_policy",
    "dongliang.common.middleware.refuse_unreadable",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "dongliang.urls"
ASGI_APPLICATION = "dongliang.asgi.application"
WSGI_APPLICATION = "dongliang.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dongliang.portal.navigation.navigation",
            ],
        },
    }
]

AUTH_USER_MODEL = "people.Account"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "dongliang.people.sign_in.LockingBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "people:sign_in"
LOGIN_REDIRECT_URL = "portal:desk"
LOGOUT_REDIRECT_URL = "portal:front"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

# What is larger waits on disk, up to LARGEST_BODY in common/middleware.py; a form without a file may not be larger.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Behind a proxy, which alone knows where a request came from.
if env_flag("DONGLIANG_HTTPS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # A refusal or a missing page is an answer, not a fault: only faults leave a trace.
    # Nor is a name that this site does not have, which any stranger can ask for as often as they like.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
