from django.apps import AppConfig


class ScoringConfig(AppConfig):
    name = "dongliang.scoring"
    default_auto_field = "django.db.models.BigAutoField"
