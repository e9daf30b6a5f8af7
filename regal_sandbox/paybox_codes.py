"""What each result code of a return (E) means. Not to be read as numbers: some bear letters."""

import re

ACCEPTED = "00000"
CANCELLED = "00001"
BAD_CARD = "00004"
BAD_EXPIRY = "00008"
ALREADY_PAID = "00015"
TOO_LATE = "00030"
NOT_AUTHENTICATED = "00040"
REFUSED_BY_THE_BANK = "00105"
PENDING = "99999"

WITHOUT_TRANSACTION = frozenset(
    {CANCELLED, "00003", BAD_CARD, "00006", BAD_EXPIRY, "00010", "00011", ALREADY_PAID, TOO_LATE, "00033", "00040"}
)

CODES = {
    ACCEPTED: "Paiement accepté",
    CANCELLED: "Paiement abandonné",
    "00003": "Erreur de la plateforme",
    BAD_CARD: "Numéro de carte ou cryptogramme incorrect",
    "00006": "Accès refusé, ou site, rang ou identifiant incorrect",
    BAD_EXPIRY: "Date de fin de validité incorrecte",
    "00009": "Contrôle de comportement, ou abonnement impossible",
    "00010": "Devise inconnue",
    "00011": "Montant incorrect",
    ALREADY_PAID: "Paiement déjà effectué",
    "00016": "Abonné déjà existant",
    "00021": "Carte non autorisée",
    "00022": "Plafond dépassé",
    "00029": "Carte différente de celle attendue",
    TOO_LATE: "Délai de paiement dépassé",
    "00033": "Pays de l’adresse IP non autorisé",
    NOT_AUTHENTICATED: "Carte sans authentification 3-D Secure",
    PENDING: "Paiement en attente",
    "00101": "Contactez l’émetteur de la carte",
    "00102": "Contactez l’émetteur de la carte",
    "00103": "Commerçant non valide",
    "00104": "Conservez la carte",
    REFUSED_BY_THE_BANK: "Ne pas honorer",
    "00107": "Conservez la carte, conditions spéciales",
    "00108": "Approuver après identification",
    "00112": "Transaction non valide",
    "00113": "Montant non valide",
    "00114": "Numéro de carte non valide",
    "00115": "Émetteur inconnu",
    "00117": "Annulation du client",
    "00119": "Réessayez plus tard",
    "00120": "Réponse erronée du serveur",
    "00130": "Erreur de format",
    "00131": "Acquéreur inconnu",
    "00133": "Carte expirée",
    "00134": "Suspicion de fraude",
    "00138": "Trop d’essais du code confidentiel",
    "00141": "Carte perdue",
    "00143": "Carte volée",
    "00151": "Provision insuffisante",
    "00154": "Carte expirée",
    "00155": "Code confidentiel erroné",
    "00156": "Carte absente du fichier",
    "00157": "Transaction non permise à ce porteur",
    "00158": "Transaction interdite à ce terminal",
    "00159": "Suspicion de fraude",
    "00160": "Contactez l’acquéreur",
    "00161": "Plafond de retrait dépassé",
    "00163": "Règles de sécurité non respectées",
    "00168": "Réponse absente ou trop tardive",
    "00175": "Trop d’essais du code confidentiel",
    "00176": "Porteur déjà en opposition",
    "00189": "Échec de l’authentification du terminal",
    "00190": "Arrêt momentané du système",
    "00191": "Émetteur inaccessible",
    "00194": "Demande en double",
    "00196": "Mauvais fonctionnement du système",
    "00197": "Temporisation générale dépassée",
    "00198": "Serveur inaccessible",
    "00199": "Incident du domaine initiateur",
    "001A1": "Authentification exigée par la banque",
    "001A4": "Mauvais usage de l’exemption",
    "001R1": "Paiements récurrents révoqués",
    "001R3": "Paiements récurrents révoqués",
}

_CODE = re.compile(r"[0-9A-Z]{5}")


def is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


def meaning(code: str) -> str:
    return CODES.get(code, "Refus de la banque" if code.startswith("001") else "Refus")
