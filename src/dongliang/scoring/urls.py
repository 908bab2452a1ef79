from django.urls import path

from dongliang.scoring import views

app_name = "scoring"
urlpatterns = [
    path("scoring/", views.runs, name="runs"),
    path("scoring/<int:run_id>/", views.run, name="run"),
    path("scoring/<int:run_id>/<str:part>.json", views.document, name="document"),
    path("scoring/<int:run_id>/export/", views.export, name="export"),
]
