from django.urls import path

from dongliang.awards.views import commending, office, public, trace

app_name = "awards"
urlpatterns = [
    path("lists/", office.lists, name="lists"),
    path("lists/draw/<int:run_id>/", office.draw, name="draw"),
    path("lists/<int:list_id>/", office.honour_list, name="list"),
    path("lists/trace/<int:run_id>/<int:number>/", trace.trace, name="trace"),
    path("lists/<int:list_id>/publish/", office.publish, name="publish"),
    path("lists/<int:list_id>/changes/", office.propose, name="propose"),
    path("lists/<int:list_id>/hold/", office.hold, name="hold"),
    path("lists/<int:list_id>/lift/", office.lift, name="lift"),
    path("lists/<int:list_id>/confirm/", office.confirm, name="confirm"),
    path("lists/<int:list_id>/certificates/", office.issue, name="issue"),
    path("lists/<int:list_id>/certificates.pdf", office.certificates_file, name="certificates_file"),
    path("lists/<int:list_id>/export/", office.export, name="export"),
    path("lists/changes/<int:change_id>/", office.decide, name="decide"),
    path("lists/objections/<int:objection_id>/", office.answer, name="answer"),
    path("lists/certificates/<int:certificate_id>/revoke/", office.revoke, name="revoke"),
    path("commendations/", commending.commendations, name="commendations"),
    path("commendations/titles/", commending.set_title, name="set_title"),
    path("commendations/propose/", commending.propose, name="commend"),
    path("commendations/<int:commendation_id>/decide/", commending.decide, name="decide_commendation"),
    path("commendations/<int:commendation_id>/certificate/", commending.certify, name="certify"),
    path("commendations/certificates.pdf", commending.certificates_file, name="commendations_file"),
    path("commendations/export/", commending.export, name="commendations_export"),
    path("honours/<int:list_id>/objection/", public.objection, name="objection"),
    path("certificate/", public.check_certificate, name="check_certificate"),
    path("certificate/<str:number>/", public.check_certificate, name="certificate"),
]
