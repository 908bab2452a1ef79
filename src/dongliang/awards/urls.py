from django.urls import path

from dongliang.awards.views import feedback, office, public

app_name = "awards"
urlpatterns = [
    path("lists/", office.lists, name="lists"),
    path("lists/draw/<int:run_id>/", office.draw, name="draw"),
    path("lists/<int:list_id>/", office.honour_list, name="list"),
    path("lists/<int:list_id>/publish/", office.publish, name="publish"),
    path("lists/<int:list_id>/changes/", office.propose, name="propose"),
    path("lists/<int:list_id>/confirm/", office.confirm, name="confirm"),
    path("lists/<int:list_id>/certificates/", office.issue, name="issue"),
    path("lists/<int:list_id>/certificates.pdf", office.certificates_file, name="certificates_file"),
    path("lists/<int:list_id>/export/", office.export, name="export"),
    path("lists/changes/<int:change_id>/", office.decide, name="decide"),
    path("lists/objections/<int:objection_id>/", office.answer, name="answer"),
    path("lists/certificates/<int:certificate_id>/revoke/", office.revoke, name="revoke"),
    path("feedback/", feedback.listed, name="feedback_list"),
    path("feedback/mine/", feedback.mine, name="my_feedback"),
    path("feedback/export/", feedback.export, name="feedback_export"),
    path("feedback/all.pdf", feedback.all_files, name="feedback_files"),
    path("feedback/<slug:slug>/release/", feedback.release, name="release_feedback"),
    path("feedback/<int:feedback_id>/", feedback.page, name="feedback"),
    path("feedback/<int:feedback_id>/feedback.pdf", feedback.file, name="feedback_file"),
    path("feedback/<int:feedback_id>/case/", feedback.case, name="feedback_case"),
    path("feedback/<int:feedback_id>/acknowledge/", feedback.acknowledge, name="acknowledge_feedback"),
    path("honours/<int:list_id>/objection/", public.objection, name="objection"),
    path("certificate/", public.check_certificate, name="check_certificate"),
    path("certificate/<str:number>/", public.check_certificate, name="certificate"),
]
