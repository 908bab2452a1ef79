from django.apps import AppConfig


class BallotsConfig(AppConfig):
    name = "dongliang.ballots"
    default_auto_field = "django.db.models.BigAutoField"
