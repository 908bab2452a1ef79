from django.urls import path, re_path

from dongliang.mentoring import views

app_name = "mentoring"
urlpatterns = [
    path("roster/", views.roster, name="roster"),
    re_path(r"^roster/template\.(?P<kind>xlsx|csv)$", views.roster_template, name="roster_template"),
    path("roster/<slug:code>/export.xlsx", views.roster_export, name="roster_export"),
    path("roster/imports/<int:pk>/", views.roster_import, name="roster_import"),
    path("roster/imports/<int:pk>/confirm/", views.confirm, name="confirm_roster"),
    path("roster/imports/<int:pk>/discard/", views.discard, name="discard_roster"),
    path("roster/accounts/", views.roster_accounts, name="roster_accounts"),
    re_path(
        r"^roster/(?P<code>[-\w]+)/accounts/(?P<role>secretaries|mentors)/$",
        views.create_accounts,
        name="create_accounts",
    ),
]
