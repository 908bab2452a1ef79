from django.urls import path

from dongliang.people.views import accounts, signing_in

app_name = "people"
urlpatterns = [
    path("sign-in/", signing_in.sign_in, name="sign_in"),
    path("sign-out/", signing_in.sign_out, name="sign_out"),
    path("password/", signing_in.password, name="password"),
    path("activate/<str:token>/", signing_in.activate, name="activate"),
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/new/", accounts.new_account, name="new_account"),
    path("accounts/<int:pk>/", accounts.account, name="account"),
    path("accounts/<int:pk>/disable/", accounts.disable, name="disable"),
    path("accounts/<int:pk>/enable/", accounts.enable, name="enable"),
    path("accounts/<int:pk>/link/", accounts.new_link, name="new_link"),
    path("accounts/<int:pk>/grants/", accounts.new_grant, name="new_grant"),
    path("accounts/<int:pk>/grants/<int:grant_pk>/remove/", accounts.drop_grant, name="drop_grant"),
]
