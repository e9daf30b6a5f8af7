"""The bureau: what agents see. French without a prefix, English under /en/."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import path

from regal.backoffice import (
    accounts,
    activation,
    agents,
    audit_log,
    cases,
    embedding,
    files,
    imports,
    inquiries,
    operators,
    pages,
    paybox_pages,
    sessions,
    titres,
    town_settings,
    transactions,
)
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
        path("compte/sessions/", sessions.sessions, name="sessions"),
        path("exploitation/", operators.platform, name="platform"),
        path("exploitation/sante/", operators.health, name="health"),
        path("exploitation/collectivites/nouvelle/", operators.new_collectivite, name="new_collectivite"),
        path("exploitation/collectivites/<slug:slug>/entrer/", operators.enter, name="enter"),
        path("exploitation/collectivites/<slug:slug>/quitter/", operators.leave, name="leave"),
        path("exploitation/mises-en-production/", activation.approvals, name="approvals"),
        path("<slug:slug>/", pages.dashboard, name="dashboard"),
        path("<slug:slug>/paiements/", transactions.payments, name="payments"),
        path("<slug:slug>/paiements/payeur/", transactions.payments_of_payer, name="payments_of_payer"),
        path("<slug:slug>/paiements/export/", transactions.export_payments, name="export_payments"),
        path("<slug:slug>/paiements/repares/", inquiries.repaired, name="repaired"),
        path("<slug:slug>/paiements/<int:attempt_id>/", pages.payment, name="payment"),
        path("<slug:slug>/paiements/<int:attempt_id>/demander/", inquiries.ask_gateway, name="ask_gateway"),
        path("<slug:slug>/factures/", titres.titres, name="titres"),
        path("<slug:slug>/factures/nouvelle/", titres.new_titre, name="new_titre"),
        path("<slug:slug>/factures/imports/", imports.imports_page, name="imports"),
        path("<slug:slug>/factures/imports/nouveau/", imports.new_import, name="new_import"),
        path("<slug:slug>/factures/imports/guide/", imports.guide, name="import_guide"),
        path("<slug:slug>/factures/imports/modele.csv", imports.csv_template, name="import_csv_template"),
        path("<slug:slug>/factures/imports/modele.xlsx", imports.workbook_template, name="import_workbook_template"),
        path("<slug:slug>/factures/imports/<int:import_id>/", imports.import_page, name="import"),
        path("<slug:slug>/factures/imports/<int:import_id>/colonnes/", imports.columns, name="import_columns"),
        path("<slug:slug>/factures/imports/<int:import_id>/confirmer/", imports.confirm_import, name="confirm_import"),
        path("<slug:slug>/factures/imports/<int:import_id>/ecarter/", imports.discard_import, name="discard_import"),
        path("<slug:slug>/factures/imports/<int:import_id>/defaire/", imports.undo_import, name="undo_import"),
        path(
            "<slug:slug>/factures/imports/<int:import_id>/rapport.csv", imports.import_report_file, name="import_report"
        ),
        path("<slug:slug>/factures/<int:titre_id>/", titres.titre, name="titre"),
        path("<slug:slug>/anomalies/", cases.cases, name="cases"),
        path("<slug:slug>/anomalies/<int:case_id>/", cases.case, name="case"),
        path("<slug:slug>/fichiers/", files.files, name="files"),
        path("<slug:slug>/fichiers/<int:file_id>/", files.file, name="file"),
        path("<slug:slug>/fichiers/<int:file_id>/confirmer/", files.confirm_file, name="confirm_file"),
        path("<slug:slug>/fichiers/<int:file_id>/ecarter/", files.discard_file, name="discard_file"),
        path("<slug:slug>/integration/", embedding.integration, name="integration"),
        path("<slug:slug>/integration/apercu/", embedding.preview, name="preview"),
        path("<slug:slug>/integration/apercu/<slug:product_slug>/", embedding.preview_product, name="preview_product"),
        path("<slug:slug>/reglages/", town_settings.hub, name="settings"),
        path("<slug:slug>/reglages/collectivite/", town_settings.collectivite, name="settings_town"),
        path("<slug:slug>/reglages/apparence/", town_settings.look, name="settings_look"),
        path("<slug:slug>/reglages/produits/", town_settings.products, name="settings_products"),
        path("<slug:slug>/reglages/produits/nouveau/", town_settings.new_product, name="settings_new_product"),
        path("<slug:slug>/reglages/produits/<int:product_id>/", town_settings.product, name="settings_product"),
        path(
            "<slug:slug>/reglages/produits/<int:product_id>/ouverture/",
            town_settings.product_opening,
            name="settings_product_opening",
        ),
        path(
            "<slug:slug>/reglages/produits/<int:product_id>/ordre/",
            town_settings.product_order,
            name="settings_product_order",
        ),
        path("<slug:slug>/reglages/sites/", town_settings.sites, name="settings_sites"),
        path(
            "<slug:slug>/reglages/sites/<int:origin_id>/retirer/",
            town_settings.site_removal,
            name="settings_site_removal",
        ),
        path("<slug:slug>/reglages/agents/", agents.agents, name="agents"),
        path("<slug:slug>/reglages/agents/inviter/", agents.invite_agent, name="invite_agent"),
        path("<slug:slug>/reglages/agents/<int:membership_id>/", agents.agent, name="agent"),
        path("<slug:slug>/reglages/journal/", audit_log.audit, name="audit"),
        path("<slug:slug>/reglages/contrats/", activation.accounts, name="accounts"),
        path("<slug:slug>/reglages/contrats/ajouter/", activation.add_contract, name="add_contract"),
        path("<slug:slug>/reglages/contrats/nouveau/", paybox_pages.choose_contract, name="choose_contract"),
        path("<slug:slug>/reglages/contrats/paybox/", paybox_pages.add_paybox, name="add_paybox"),
        path(
            "<slug:slug>/reglages/contrats/<str:numcli>/cles/<slug:platform>/",
            paybox_pages.contract_keys,
            name="contract_keys",
        ),
        path(
            "<slug:slug>/reglages/contrats/<str:numcli>/adresse/<slug:phase>/",
            paybox_pages.contract_address,
            name="contract_address",
        ),
        path(
            "<slug:slug>/reglages/contrats/<str:numcli>/page/", paybox_pages.contract_settings, name="contract_settings"
        ),
        path("<slug:slug>/reglages/contrats/<str:numcli>/", activation.activation, name="activation"),
        path("<slug:slug>/reglages/contrats/<str:numcli>/dossier/", activation.activation_dossier, name="dossier"),
        prefix_default_language=False,
    ),
]
handler400 = "regal.backoffice.errors.bad_request"
handler403 = "regal.backoffice.errors.forbidden"
handler404 = "regal.backoffice.errors.not_found"
handler429 = "regal.backoffice.errors.too_often"  # django-allauth's limits
handler500 = "regal.backoffice.errors.server_error"
