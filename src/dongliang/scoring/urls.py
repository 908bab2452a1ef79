from django.urls import path

from dongliang.scoring.views import jobs, runs, sources

app_name = "scoring"
urlpatterns = [
    path("scoring/", runs.runs, name="runs"),
    path("scoring/jobs/<int:job_id>/", jobs.job, name="job"),
    path("scoring/<int:run_id>/", runs.run, name="run"),
    path("scoring/<int:run_id>/sources/", sources.sources, name="sources"),
    path("scoring/<int:run_id>/sources/export/", sources.export, name="sources_export"),
    path("scoring/<int:run_id>/<str:part>.json", runs.document, name="document"),
    path("scoring/<int:run_id>/export/", runs.export, name="export"),
]
