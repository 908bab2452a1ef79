from django.apps import AppConfig


class YearsConfig(AppConfig):
    name = "dongliang.years"
    default_auto_field = "django.db.models.BigAutoField"
