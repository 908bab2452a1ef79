from django.urls import path

from dongliang.review import views
from dongliang.review.pages import field, photos, rulings

app_name = "review"
urlpatterns = [
    path("review/", views.sheets, name="sheets"),
    path("review/<int:pk>/", views.sheet, name="sheet"),
    path("review/<int:pk>/return/", rulings.give_back, name="return_sheet"),
    path("review/<int:pk>/void/", rulings.void, name="void_sheet"),
    path("review/photos/<uuid:key>/", photos.photo, name="photo"),
    path("review/photos/<uuid:key>/remove/", photos.remove, name="remove_photo"),
    path("review/board/", views.board, name="board"),
    path("review/board/plan/", views.plan, name="plan"),
    path("review/board/<slug:source>/<int:pk>/", views.assessor, name="assessor"),
    # What works without a signal lies under one address, which is the reach of its service worker.
    path("field/", field.shell, name="field"),
    path("field/sheets.json", field.sheets, name="field_sheets"),
    path("field/hello.json", field.hello, name="field_hello"),
    path("field/worker.js", field.worker, name="field_worker"),
    path("field/manifest.webmanifest", field.manifest, name="field_manifest"),
    path("field/sheets/<int:pk>/", field.send, name="field_send"),
    path("field/sheets/<int:pk>/photos/", field.send_photo, name="field_photo"),
]
