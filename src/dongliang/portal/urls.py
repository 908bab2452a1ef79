from django.urls import path

from dongliang.portal.views import desk, ledger, public, secretaries

app_name = "portal"
urlpatterns = [
    path("", public.front, name="front"),
    path("honours/", public.honour_roll, name="honours"),
    path("honours/<slug:slug>/book-<int:number>.zip", public.result_book, name="result_book"),
    path("ledger/", ledger.ballot_ledger, name="ballot_ledger"),
    path("rules/", public.rule_book, name="rules"),
    path("rules/<slug:slug>/v<int:version>.json", public.rule_book_file, name="rule_book_file"),
    path("rules/presets/<str:name>.toml", desk.preset_file, name="preset_file"),
    path("rules/revise/", desk.revise_rules, name="revise_rules"),
    path("desk/", desk.desk, name="desk"),
    path("desk/freeze/", desk.take_step, {"key": "freeze"}, name="freeze"),
    path("desk/open/", desk.take_step, {"key": "open"}, name="open"),
    path("desk/close/", desk.take_step, {"key": "close"}, name="close"),
    path("desk/score/", desk.score, name="score"),
    path("secretaries/", secretaries.secretaries, name="secretaries"),
    path("secretaries/export/", secretaries.export, name="export"),
    path("secretaries/me/", secretaries.my_page, name="my_page"),
    path("secretaries/<int:number>/", secretaries.secretary, name="secretary"),
]
