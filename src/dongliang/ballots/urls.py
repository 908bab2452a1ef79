from django.urls import path

from dongliang.ballots.views import office, residents

app_name = "ballots"
urlpatterns = [
    # Short, because a resident may have to type it.
    path("v/", residents.enter, name="enter"),
    path("v/receipt/", residents.receipt, name="receipt"),
    path("v/<str:code>/", residents.rate, name="rate"),
    path("v/<str:code>/projects/", residents.pick, name="pick"),
    path("v/<str:code>/thanks/<str:receipt>/", residents.thanks, name="thanks"),
    path("rounds/", office.rounds, name="rounds"),
    path("rounds/cards/<slug:organisation_code>/", office.cards, name="cards"),
    path("rounds/poster/<slug:organisation_code>/", office.poster, name="poster"),
    path("rounds/<slug:slug>/prepare/", office.prepare, name="prepare"),
    path("rounds/<slug:slug>/open/", office.open_, name="open"),
    path("rounds/<slug:slug>/close/", office.close, name="close"),
]
