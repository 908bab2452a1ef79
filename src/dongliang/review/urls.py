from django.urls import path

from dongliang.review import views
from dongliang.review.pages import conflicts, returns, staffing, waiting

app_name = "review"
urlpatterns = [
    path("review/", views.sheets, name="sheets"),
    path("review/<int:pk>/", views.sheet, name="sheet"),
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
]
