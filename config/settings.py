"""Settings. Whatever differs between installations comes from the environment or `.env`; see .env.example.

Secure unless told otherwise: without PUBLIC_URL the site is taken to stand behind HTTPS. `make up` says
`PUBLIC_URL=http://127.0.0.1:8000` for itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import embedded, keys
from config.env import BASE_DIR, data_folder, env
from config.logs import configure_logging

DATA_DIR = data_folder()
_servers = embedded.servers()

# -- who we are ---------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
PUBLIC_URL = env("PUBLIC_URL", default="http://127.0.0.1:8000" if DEBUG else "https://localhost").rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
SECRET_KEY = keys.secret_key(env("SECRET_KEY", default=""), DATA_DIR)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=[urlsplit(PUBLIC_URL).hostname]),
    *("localhost", "127.0.0.1", "[::1]"),  # probes from this machine
]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])

# -- parts --------------------------------------------------------------------------------------------------

APPS = ["funnel", "leads", "partners", "briefs", "deals", "kpi"]
INSTALLED_APPS = [
    "config",  # first: its `migrate` takes Django's place
    *APPS,
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",  # its widgets' templates may be ours
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
    "lucide",
    "csp",
    "django_prometheus",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "config.logs.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "funnel.middleware.PrivacyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pages shrink to a sixth; random padding answers BREACH
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "funnel.frame.ReaderMiddleware",
    "funnel.toasts.ToastMiddleware",
    "funnel.middleware.SavedMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "funnel.middleware.FaultMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "funnel.frame.frame",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# -- database -----------------------------------------------------------------------------------------------

# A page that takes longer has lost its reader; jobs, reports and migrations may take longer.
_is_web = os.environ.get("FUNNEL_PROCESS") == "web"
_limits = {
    "lock_timeout": "3s",
    "statement_timeout": "15s" if _is_web else "0",
    "idle_in_transaction_session_timeout": "60s",
}
_database: dict[str, Any] = (
    embedded.parse_database_url(env("DATABASE_URL"))
    if embedded.database_url_given()
    else {"ENGINE": "django.db.backends.postgresql", **_servers.database}
)
_options = _database.setdefault("OPTIONS", {})
_options.setdefault("connect_timeout", 5)
_options["options"] = " ".join(
    [_options.get("options", ""), *(f"-c {name}={value}" for name, value in _limits.items())]
).strip()
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
    }
}

# -- broker, cache, jobs ------------------------------------------------------------------------------------

if embedded.redis_url_given():
    CELERY_BROKER_URL = env("REDIS_URL")
    _cache_default = env("REDIS_URL")  # a separate server is better: CACHE_URL
else:
    CELERY_BROKER_URL = f"redis+socket://{_servers.redis_socket}?virtual_host=0"
    _cache_default = f"unix://{_servers.redis_socket}?db=1"
CACHES = {
    "default": {
        "BACKEND": "config.cache.PatientRedisCache",
        "LOCATION": env("CACHE_URL", default=_cache_default),
        "KEY_PREFIX": "funnel",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}

# Each of these answers a failure that somebody has had; docs/adr/0004-jobs.md tells which.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Whoever sends a wake-up tries twice at once and leaves the rest to the sweep: without this a write
    # waits 6 s for a Redis that is away, and 40 s for one that hangs. The worker waits as long as it takes
    # (config/celery.py).
    "socket_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TASK_DEFAULT_QUEUE = "funnel"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_TASK_PUBLISH_RETRY = False  # the outbox keeps what could not be sent; a page never waits for Redis
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"  # any number of beats, each bucket once
CANARY_SECONDS = 15  # how often a task proves that broker and worker are alive
CANARY_MAX_AGE = 90  # /readyz refuses when the last proof is older

# -- people -------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "funnel.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "config.accounts.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # people are added by an administrator, not by themselves
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True  # who was invited is in once the password is chosen
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}  # config.accounts counts in the database
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("NUM_PROXIES", default=0)
MFA_FORMS = {
    "authenticate": "config.accounts.AuthenticateForm",
    "reauthenticate": "config.accounts.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_TOTP_ISSUER = "Onefunnel"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": []}}
if env("OIDC_SERVER_URL", default=""):
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "sso",
            "name": env("OIDC_NAME", default="Single sign-on"),
            "client_id": env("OIDC_CLIENT_ID"),
            "secret": env("OIDC_CLIENT_SECRET"),
            "settings": {"server_url": env("OIDC_SERVER_URL")},
        }
    ]

# -- REST ---------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "funnel.api.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["funnel.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "funnel.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "funnel.api.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["funnel.api.throttling.CallerThrottle"],
    "EXCEPTION_HANDLER": "funnel.api.errors.problem_handler",
    "PAGE_SIZE": 50,
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Attempts per period; `drills` and busy installations raise them.
LIMITS = {
    "login_address": env("LIMIT_LOGIN_ADDRESS", default="20/h"),
    "login_account": env("LIMIT_LOGIN_ACCOUNT", default="20/d"),
    "form_address": env("LIMIT_FORM_ADDRESS", default="10/h"),
    "api_token": env("LIMIT_API_TOKEN", default="6000/m"),
}
NUM_PROXIES = env.int("NUM_PROXIES", default=0)
# Where a phone number without a country code is dialled, "DE"; a web form may say otherwise.
PHONE_REGION = env("PHONE_REGION", default="")
# Dotted name of a function that takes the request of a public form and returns what is wrong, or "".
FORM_CAPTCHA = env("FORM_CAPTCHA", default="")
SPECTACULAR_SETTINGS = {
    "TITLE": "Onefunnel",
    "DESCRIPTION": "One funnel from application to paying client: capture, moves, facts, figures.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SCHEMA_PATH_PREFIX_TRIM": False,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"docExpansion": "none", "filter": True},
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "funnel.api.schema.document_errors",
    ],
    # Choices are named after what they are, whichever field carries them.
    "ENUM_NAME_OVERRIDES": {
        "Stage": "funnel.stages.Stage",
        "Role": "funnel.stages.Role",
        "JourneyKind": "funnel.models.journey.Journey.Kind",
        "QuestionKind": "briefs.models.Question.Kind",
        "ImportKind": "leads.imports_models.ImportJob.Kind",
        "ImportState": "leads.imports_models.ImportJob.State",
        "ReferralState": "partners.models.Referral.State",
        "MeetingState": "deals.models.meetings.Meeting.State",
        "DocumentState": "deals.models.proposals.ProposalVersion.State",
    },
}

# -- language, time, money ----------------------------------------------------------------------------------

USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # people's and the organisation's zones are data
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_THOUSAND_SEPARATOR = False  # a pk in a URL is no amount; amounts are formatted by Babel

# -- files --------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env("FUNNEL_STATIC_DIR", default=str(DATA_DIR / "static")))
MEDIA_ROOT = DATA_DIR / "files"  # never served by path: views check who asks
MEDIA_URL = "/files/"
STORAGES = {
    "default": {"BACKEND": "config.whole_files.WholeFiles"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.static.CompressedStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["png", "webp", "jpg", "gif", "ico", "woff", "woff2", "gz", "br", "map"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# -- mail ---------------------------------------------------------------------------------------------------

if os.environ.get("EMAIL_URL"):
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("FROM_EMAIL", default="Onefunnel <no-reply@localhost>")

# -- security -----------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come from inside, over HTTP
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if NUM_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
METRICS_TOKEN = env("METRICS_TOKEN", default="")
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", default=False)

# -- logs ---------------------------------------------------------------------------------------------------

LOGGING_CONFIG = None
configure_logging(level=env("LOG_LEVEL", default="INFO"), style=env("LOG_FORMAT", default="json"))
