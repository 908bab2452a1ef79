from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "dongliang.portal"
    default_auto_field = "django.db.models.BigAutoField"
