from django.urls import path

from dongliang.ballots.views import office, panel, residents, sample, wall

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
    path("rounds/flags/", panel.flags, name="flags"),
    path("rounds/flags/<int:flag_id>/", panel.flag, name="flag"),
    path("rounds/sample/", sample.sample, name="sample"),
    path("rounds/sample/<slug:organisation_code>/", sample.visiting_list, name="visiting_list"),
    path("rounds/wall/", wall.wall, name="wall"),
    path("rounds/wall/tiles/", wall.tiles, name="wall_tiles"),
    path("rounds/<slug:slug>/examine/", panel.examine, name="examine"),
    path("rounds/<slug:slug>/preview/", panel.preview, name="preview_flags"),
    path("rounds/<slug:slug>/end-search/", panel.end, name="end_search"),
    path("rounds/<slug:slug>/prepare/", office.prepare, name="prepare"),
    path("rounds/<slug:slug>/open/", office.open_, name="open"),
    path("rounds/<slug:slug>/close/", office.close, name="close"),
]
