from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "dongliang.review"
    default_auto_field = "django.db.models.BigAutoField"
