from django.urls import path

from dongliang.ballots.views import closing, office, public, residents

app_name = "ballots"
urlpatterns = [
    # Short, because a resident may have to type it.
    path("v/", residents.enter, name="enter"),
    path("v/receipt/", public.receipt, name="receipt"),
    path("v/proof/", public.proof, name="proof"),
    path("v/proof/<slug:slug>/<int:version>/", public.archive, name="archive"),
    path("v/<str:code>/", residents.rate, name="rate"),
    path("v/<str:code>/projects/", residents.pick, name="pick"),
    path("v/<str:code>/thanks/<str:receipt>/", residents.thanks, name="thanks"),
    path("rounds/", office.rounds, name="rounds"),
    path("rounds/cards/<slug:organisation_code>/", office.cards, name="cards"),
    path("rounds/poster/<slug:organisation_code>/", office.poster, name="poster"),
    path("rounds/<slug:slug>/prepare/", office.prepare, name="prepare"),
    path("rounds/<slug:slug>/open/", office.open_, name="open"),
    path("rounds/<slug:slug>/close/", office.close, name="close"),
    path("rounds/<slug:slug>/statements/", closing.statements, name="statements"),
    path("rounds/<slug:slug>/statements/publish/", closing.publish, name="publish_statement"),
    path("rounds/<slug:slug>/statements/open/", closing.open_, name="open_tally"),
    path("rounds/<slug:slug>/statements/destroy-key/", closing.destroy, name="destroy_key"),
]
