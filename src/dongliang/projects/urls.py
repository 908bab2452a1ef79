from django.urls import path

from dongliang.projects import views

app_name = "projects"
urlpatterns = [
    path("projects/", views.first_things, name="list"),
    path("projects/export/", views.export, name="export"),
    path("projects/register/", views.register, name="register"),
    path("projects/register/<int:enrolment_pk>/", views.register, name="register"),
    path("projects/<int:pk>/", views.project, name="project"),
    path("projects/<int:pk>/edit/", views.edit, name="edit"),
    path("projects/<int:pk>/state/", views.state, name="state"),
    path("projects/<int:pk>/nominate/", views.nominate_project, name="nominate"),
]
