"""The bureau: what agents see. French without a prefix, English under /en/."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import path

from regal.backoffice import accounts, embedding, pages, transactions
from regal.checkout import health

# The names that begin with account_ and mfa_ are those by which django-allauth finds its own pages.
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    *i18n_patterns(
        path("", pages.home, name="bureau_home"),
        path("connexion/", accounts.login, name="account_login"),
        path("connexion/code/", accounts.second_factor, name="mfa_authenticate"),
        path("connexion/confirmation/", accounts.reauthenticate, name="account_reauthenticate"),
        path("connexion/confirmation/code/", accounts.reauthenticate_with_code, name="mfa_reauthenticate"),
        path("deconnexion/", accounts.logout, name="account_logout"),
        path("invitation/<slug:uid>/<slug:token>/", accounts.invitation, name="invitation"),
        path("compte/", accounts.my_account, name="mfa_index"),
        path("compte/mot-de-passe/", accounts.change_password, name="account_change_password"),
        path("compte/application/", accounts.activate_totp, name="mfa_activate_totp"),
        path("compte/application/retirer/", accounts.deactivate_totp, name="mfa_deactivate_totp"),
        path("compte/codes/", accounts.recovery_codes, name="mfa_view_recovery_codes"),
        path("compte/codes/renouveler/", accounts.renew_recovery_codes, name="mfa_generate_recovery_codes"),
        path("<slug:slug>/", pages.dashboard, name="dashboard"),
        path("<slug:slug>/paiements/", transactions.payments, name="payments"),
        path("<slug:slug>/paiements/payeur/", transactions.payments_of_payer, name="payments_of_payer"),
        path("<slug:slug>/paiements/export/", transactions.export_payments, name="export_payments"),
        path("<slug:slug>/paiements/<int:attempt_id>/", pages.payment, name="payment"),
        path("<slug:slug>/integration/", embedding.integration, name="integration"),
        prefix_default_language=False,
    ),
]
handler400 = "regal.backoffice.errors.bad_request"
handler403 = "regal.backoffice.errors.forbidden"
handler404 = "regal.backoffice.errors.not_found"
handler429 = "regal.backoffice.errors.too_often"  # django-allauth's limits
handler500 = "regal.backoffice.errors.server_error"
