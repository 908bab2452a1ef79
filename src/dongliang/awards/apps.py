from django.apps import AppConfig


class AwardsConfig(AppConfig):
    name = "dongliang.awards"
    default_auto_field = "django.db.models.BigAutoField"
