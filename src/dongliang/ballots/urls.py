from django.urls import path

from dongliang.ballots.views import office, residents

app_name = "ballots"
urlpatterns = [
    # Short, because a resident may have to type it. Served by intake.application before Django sees them.
    path("v/", residents.page, name="enter"),
    path("v/receipt/", residents.page, name="receipt"),
    path("v/<str:code>/", residents.page, name="rate"),
    path("v/<str:code>/projects/", residents.page, name="pick"),
    path("v/<str:code>/thanks/<str:receipt>/", residents.page, name="thanks"),
    path("rounds/", office.rounds, name="rounds"),
    path("rounds/cards/<slug:organisation_code>/", office.cards, name="cards"),
    path("rounds/poster/<slug:organisation_code>/", office.poster, name="poster"),
    path("rounds/<slug:slug>/prepare/", office.prepare, name="prepare"),
    path("rounds/<slug:slug>/open/", office.open_, name="open"),
    path("rounds/<slug:slug>/close/", office.close, name="close"),
]
