from django.urls import path

from dongliang.turnover.views import advisers, elections, handovers, posts, public

app_name = "turnover"
urlpatterns = [
    path("elections/", elections.elections, name="elections"),
    path("elections/<int:pk>/", elections.election, name="election"),
    path("elections/<int:pk>/export/", elections.export, name="changes_export"),
    path("elections/<int:pk>/handovers/", elections.open_all, name="open_handovers"),
    path("handovers/", handovers.handovers, name="handovers"),
    path("handovers/export/", handovers.export, name="handovers_export"),
    path("handovers/<int:pk>/", handovers.handover, name="handover"),
    path("handovers/<int:pk>.pdf", handovers.file, name="handover_file"),
    path("handovers/<int:pk>/new/<slug:kind>/", handovers.new_item, name="new_item"),
    path("handovers/<int:pk>/renew/", handovers.renew, name="renew_handover"),
    path("handovers/<int:pk>/sign/", handovers.sign, name="sign_handover"),
    path("handovers/lines/<int:pk>/", handovers.edit_item, name="item"),
    path("handovers/lines/<int:pk>/drop/", handovers.drop, name="drop_item"),
    path("handovers/lines/<int:pk>/answer/", handovers.answer, name="answer_item"),
    path("posts/", posts.posts, name="posts"),
    path("posts/export/", posts.export, name="posts_export"),
    path("posts/<int:pk>/", posts.post, name="post"),
    path("posts/<int:pk>/end/", posts.end, name="end_tenure"),
    path("posts/<int:pk>/begin/", posts.begin, name="begin_tenure"),
    path("posts/<int:pk>/handover/", posts.open_one, name="open_handover"),
    path("posts/<int:pk>/promises/", posts.promise, name="new_promise"),
    path("posts/promises/<int:pk>/", posts.settle, name="settle_promise"),
    path("advisers/", public.advisers, name="advisers"),
    path("advisers/<int:pk>/", public.adviser, name="adviser"),
    path("advisers/office/", advisers.board, name="adviser_board"),
    path("advisers/office/export/", advisers.export, name="advisers_export"),
    path("advisers/office/<int:pk>/", advisers.edit, name="edit_adviser"),
    path("advisers/office/<int:pk>/release/", advisers.release, name="release_adviser"),
    path("advisers/office/<int:pk>/withdraw/", advisers.withdraw, name="withdraw_adviser"),
]
