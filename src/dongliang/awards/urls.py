from django.urls import path

from dongliang.awards import views

app_name = "awards"
urlpatterns = [
    path("lists/", views.lists, name="lists"),
    path("lists/draw/<int:run_id>/", views.draw, name="draw"),
    path("lists/<int:list_id>/", views.honour_list, name="list"),
    path("lists/<int:list_id>/publish/", views.publish, name="publish"),
    path("lists/<int:list_id>/export/", views.export, name="export"),
]
