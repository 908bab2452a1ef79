from django.urls import path

from dongliang.review import views

app_name = "review"
urlpatterns = [
    path("review/", views.sheets, name="sheets"),
    path("review/<int:pk>/", views.sheet, name="sheet"),
    path("review/board/", views.board, name="board"),
    path("review/board/plan/", views.plan, name="plan"),
    path("review/board/<slug:source>/<int:pk>/", views.assessor, name="assessor"),
]
