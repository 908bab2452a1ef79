from django.apps import AppConfig


class TurnoverConfig(AppConfig):
    name = "dongliang.turnover"
    default_auto_field = "django.db.models.BigAutoField"
