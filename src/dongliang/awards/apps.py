from django.apps import AppConfig


class AwardsConfig(AppConfig):
    name = "dongliang.awards"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Growth asks for a place in the review, and may not import what knows it.
        from dongliang.awards.queries.places import review_percents
        from dongliang.growth import facts

        facts.register(facts.Fact.REVIEW_PERCENT, review_percents)
