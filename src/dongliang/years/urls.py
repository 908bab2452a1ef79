from django.urls import path

from dongliang.years.views import mentors, people, seasons

app_name = "years"
urlpatterns = [
    path("", seasons.home, name="home"),
    path("district/", seasons.district, name="district"),
    path("district/export/", seasons.district_export, name="district_export"),
    path("subdistricts/", seasons.subdistricts, name="subdistricts"),
    path("subdistricts/export/", seasons.subdistricts_export, name="subdistricts_export"),
    path("people/", people.people, name="people"),
    path("people/export/", people.people_export, name="people_export"),
    path("people/<int:pk>/", people.person, name="person"),
    path("mentors/", mentors.mentors, name="mentors"),
    path("mentors/export/", mentors.mentors_export, name="mentors_export"),
    path("mentors/<int:pk>/", mentors.mentor, name="mentor"),
]
