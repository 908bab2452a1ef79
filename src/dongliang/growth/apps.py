from django.apps import AppConfig


class GrowthConfig(AppConfig):
    name = "dongliang.growth"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Providers read models, which are there only now.
        from dongliang.growth import facts
        from dongliang.growth.queries import evidence

        facts.register(facts.Fact.MONTHS_IN_POST, evidence.months_in_post)
        facts.register(facts.Fact.HOURS, evidence.hours_in_season)
        facts.register(facts.Fact.VISITS, evidence.visits_in_season)
        facts.register(facts.Fact.PROJECT, evidence.project_states)
        facts.register(facts.Fact.MENTOR_OPINION, evidence.mentors_opinions)
        facts.register(facts.Fact.COMMITTEE, evidence.committee_decisions)
