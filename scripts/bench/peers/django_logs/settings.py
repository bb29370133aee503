"""The settings: a database, and the library that is measured."""

import os

LIBRARY = os.environ["CHANGE_LOG"]
APPS = {
    "none": [],
    "auditlog": ["auditlog"],
    "simple_history": ["simple_history"],
    "pghistory": ["pgtrigger", "pghistory"],
}
SECRET_KEY = os.environ.get("SECRET_KEY", "of a program that answers no requests")
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", *APPS[LIBRARY], "django_logs"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PEER_DATABASE"],
        "USER": os.environ["PEER_USER"],
        "HOST": os.environ["PEER_HOST"],
        "PORT": os.environ.get("PEER_PORT", ""),
        "CONN_MAX_AGE": None,
    }
}
