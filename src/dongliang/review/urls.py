from django.urls import path

from dongliang.review import views
from dongliang.review.pages import conflicts, field, photos, returns, rulings, staffing, waiting

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
    path("review/avoidance/", conflicts.avoidances, name="avoidances"),
    path("review/avoidance/export.xlsx", conflicts.export_avoidances, name="export_avoidances"),
    path("review/conflicts/", conflicts.conflicts, name="conflicts"),
    path("review/conflicts/<int:pk>/decide/", conflicts.decide, name="decide_conflict"),
    path("review/conflicts/<int:pk>/withdraw/", conflicts.withdraw, name="withdraw_conflict"),
    path("review/staffing/", staffing.everybody, name="everybody_staffed"),
    path("review/staffing/export.xlsx", staffing.export, name="export_staffing"),
    path("review/staffing/<int:pk>/", staffing.staffing, name="staffing"),
    path("review/board/field/<int:pk>/release/", staffing.release, name="release"),
    path("review/waiting/", waiting.waiting, name="waiting"),
    path("review/waiting/export.xlsx", waiting.export, name="export_waiting"),
    path("review/waiting/remind/", waiting.remind, name="remind"),
    path("review/institutions/", returns.institutions, name="institutions"),
    path("review/institutions/export.xlsx", returns.export, name="export_institutions"),
    path("review/institutions/<int:pk>/", returns.institution, name="institution"),
    path("review/institutions/<int:pk>/sheet.xlsx", returns.workbook, name="institution_workbook"),
    path("review/institutions/<int:pk>/sign/", returns.sign, name="sign"),
    path("review/institutions/<int:pk>/reopen/", returns.reopen, name="reopen"),
    path("review/returns/<int:pk>/", returns.preview, name="return"),
    path("review/returns/<int:pk>/confirm/", returns.confirm, name="confirm_return"),
    path("review/returns/<int:pk>/discard/", returns.discard, name="discard_return"),
    # What works without a signal lies under one address, which is the reach of its service worker.
    path("field/", field.shell, name="field"),
    path("field/sheets.json", field.sheets, name="field_sheets"),
    path("field/hello.json", field.hello, name="field_hello"),
    path("field/worker.js", field.worker, name="field_worker"),
    path("field/manifest.webmanifest", field.manifest, name="field_manifest"),
    path("field/sheets/<int:pk>/", field.send, name="field_send"),
    path("field/sheets/<int:pk>/photos/", field.send_photo, name="field_photo"),
]
