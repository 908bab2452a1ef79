from django.apps import AppConfig


class MentoringConfig(AppConfig):
    name = "dongliang.mentoring"
    default_auto_field = "django.db.models.BigAutoField"
