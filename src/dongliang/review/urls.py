from django.urls import path

from dongliang.review import views
from dongliang.review.pages import conflicts, staffing

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
]
