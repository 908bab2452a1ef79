from django.urls import path

from dongliang.ballots.views import assisted, cards, office, paper, residents, verification

app_name = "ballots"
urlpatterns = [
    # Short, because a resident may have to type it.
    path("v/", residents.enter, name="enter"),
    path("v/receipt/", residents.receipt, name="receipt"),
    path("v/wechat/", verification.wechat_return, name="wechat_return"),
    path("v/at/<slug:organisation_code>/", verification.here, name="here"),
    path("v/at/<slug:organisation_code>/phone/", verification.phone, name="phone"),
    path("v/at/<slug:organisation_code>/phone/<str:token>/", verification.phone_code, name="phone_code"),
    path("v/at/<slug:organisation_code>/wechat/", verification.wechat, name="wechat"),
    path("v/<str:code>/", residents.rate, name="rate"),
    path("v/<str:code>/begin/", assisted.hand_over, name="hand_over"),
    path("v/<str:code>/projects/", residents.pick, name="pick"),
    path("v/<str:code>/thanks/<str:receipt>/", residents.thanks, name="thanks"),
    path("rounds/", office.rounds, name="rounds"),
    path("rounds/posters.zip", cards.posters, name="posters"),
    path("rounds/cards/<slug:organisation_code>/", cards.cards, name="cards"),
    path("rounds/cards/<slug:organisation_code>/revoke/", cards.revoke, name="revoke"),
    path("rounds/poster/<slug:organisation_code>/", cards.poster, name="poster"),
    path("rounds/assisted/<slug:organisation_code>/", assisted.assisted, name="assisted"),
    path("rounds/paper/", paper.batches, name="batches"),
    path("rounds/paper/print/<slug:organisation_code>/", cards.paper_ballots, name="paper_ballots"),
    path("rounds/paper/<int:pk>/", paper.batch, name="batch"),
    path("rounds/paper/<int:pk>/take/", paper.take, name="take"),
    path("rounds/paper/<int:pk>/key/", paper.key, name="key"),
    path("rounds/paper/<int:pk>/finish/", paper.finish, name="finish"),
    path("rounds/paper/<int:pk>/enter/", paper.enter_all, name="enter_batch"),
    path("rounds/paper/<int:pk>/discard/", paper.discard, name="discard_batch"),
    path("rounds/<slug:slug>/prepare/", office.prepare, name="prepare"),
    path("rounds/<slug:slug>/open/", office.open_, name="open"),
    path("rounds/<slug:slug>/close/", office.close, name="close"),
    path("rounds/<slug:slug>/pause/", office.pause, name="pause"),
    path("rounds/<slug:slug>/resume/", office.resume, name="resume"),
    path("rounds/<slug:slug>/steer/", office.steer, name="steer"),
    path("rounds/<slug:slug>/dates/", office.dates, name="dates"),
]
