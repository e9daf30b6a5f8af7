"""What the sandbox plays when nobody tells it anything: a client of each kind, debts in each state, two towns, and
Paybox's merchants: those that its documentation publishes, and one in production."""

from datetime import date
from typing import Any


def defaults(today: date) -> dict[str, Any]:
    """As in a configuration file; one debt is taken in charge `today`, hence payable tomorrow."""
    return {
        "clients": CLIENTS,
        "debts": [*DEBTS, TAKEN_TODAY | {"taken_in_charge_on": today.isoformat()}],
        "towns": TOWNS,
        "merchants": MERCHANTS,
    }


CLIENTS: list[dict[str, Any]] = [
    {
        "numcli": "090909",
        "kind": "titre",
        "labels": ["TITRES DE RECETTES", "COMMUNE DE VALRIVE", "BUDGET PRINCIPAL"],
        "phase": "test",
    },
    {
        "numcli": "090910",
        "kind": "titre",
        "labels": ["TITRES DE RECETTES", "COMMUNE DE MONTCLAIR", "BUDGET PRINCIPAL"],
        "phase": "active",
    },
    {
        "numcli": "090911",
        "kind": "role",
        "labels": ["EAU ET ASSAINISSEMENT", "COMMUNE DE VALRIVE", "BUDGET ANNEXE"],
        "phase": "active",
        "direct_debit": {"phase": "active"},
    },
    {
        "numcli": "090912",
        "kind": "regie",
        "labels": ["ECOLE DE MUSIQUE", "COMMUNE DE VALRIVE", "REGIE"],
        "phase": "active",
        "direct_debit": {"phase": "active"},
        "transfer": {"phase": "active"},
        "options": {"web_service": True},
    },
]
DEBTS: list[dict[str, Any]] = [
    {
        "numcli": "090909",
        "refdet": "202600000042000001",
        "montant": 4850,
        "label": "Restauration scolaire, mars",
        "taken_in_charge_on": "2026-01-15",
    },
    {
        "numcli": "090910",
        "refdet": "202600000007000001",
        "montant": 12500,
        "label": "Location de la salle des fêtes",
        "taken_in_charge_on": "2026-01-15",
    },
    {
        "numcli": "090909",
        "refdet": "202500000044000001",
        "montant": 6300,
        "label": "Accueil de loisirs, juillet",
        "taken_in_charge_on": "2025-08-04",
        "amicable_until": "2025-11-30",
    },
    {
        "numcli": "090909",
        "refdet": "202600000045000001",
        "montant": 2150,
        "label": "Garderie, janvier",
        "state": "paid",
        "taken_in_charge_on": "2026-02-02",
    },
    {
        "numcli": "090911",
        "refdet": "2026EA0012",
        "montant": 8415,
        "label": "Eau, premier semestre",
        "taken_in_charge_on": "2026-01-15",
    },
]
TAKEN_TODAY: dict[str, Any] = {
    "numcli": "090909",
    "refdet": "202600000043000001",
    "montant": 3120,
    "label": "Restauration scolaire, avril",
}
TOWNS: list[dict[str, Any]] = [
    {
        "name": "Valrive",
        "tagline": "Commune au bord de l’eau",
        "look": "riviere",
        "main_colour": "#0b5563",
        "accent_colour": "#f2b544",
        "address": "Mairie, 1 place du Marché",
        "hours": "Du lundi au vendredi, de 9\u00a0h à 12\u00a0h et de 14\u00a0h à 17\u00a0h",
        "news": [
            {
                "title": "La passerelle rouvre samedi",
                "date": "12\u00a0mars",
                "text": "Après trois mois de travaux, piétons et cyclistes peuvent de nouveau traverser au moulin.",
            },
            {
                "title": "Inscriptions à l’école de musique",
                "date": "4\u00a0mars",
                "text": "Il reste des places en éveil, flûte et percussions. Dossier à retirer à l’accueil.",
            },
            {
                "title": "Marché des producteurs",
                "date": "1er mars",
                "text": "Tous les premiers dimanches du mois sous la halle, de 8\u00a0h à 13\u00a0h.",
            },
        ],
        "products": [],
    },
    {
        "name": "Montclair-le-Haut",
        "tagline": "Un village, des collines",
        "look": "colline",
        "main_colour": "#6b2d3c",
        "accent_colour": "#cfe3b4",
        "address": "Mairie, route des Crêtes",
        "hours": "Mardi et jeudi, de 14\u00a0h à 18\u00a0h\u00a0; samedi, de 9\u00a0h à 12\u00a0h",
        "news": [
            {
                "title": "Sentier des crêtes\u00a0: balisage refait",
                "date": "10\u00a0mars",
                "text": "Comptez deux heures pour la boucle, départ derrière l’église.",
            },
            {
                "title": "Conseil municipal",
                "date": "28\u00a0février",
                "text": "Prochaine séance le 20\u00a0mars à 20\u00a0h, salle du conseil. Elle est publique.",
            },
        ],
        "products": [],
    },
]

PUBLISHED_KEY = "0123456789ABCDEF" * 8  # of every merchant of Paybox's test platform, as all its clients print it
PUBLISHED_DIRECT_KEY = "1999888I"
PUBLISHED = [
    *[("1999888", 32, identifier) for identifier in ("107904482", "110647233", "1686319", "1", "2", "3")],
    ("1999888", 43, "107975626"),  # 3-D Secure
    ("1999888", 63, "109518543"),  # Direct
    ("1999888", 77, "3262411"),
    ("1999887", 32, "215"),
    ("1999887", 32, "222"),
]
MERCHANTS: list[dict[str, Any]] = [
    *[
        {
            "site": site,
            "rank": rank,
            "identifier": identifier,
            "hmac_key": PUBLISHED_KEY,
            "direct_key": PUBLISHED_DIRECT_KEY,
            "mode": "test",
            "name": "Commerce d’essai",
            "options": {"three_d_secure": "always"} if rank == 43 else {},
        }
        for site, rank, identifier in PUBLISHED
    ],
    {
        "site": "2718281",
        "rank": 1,
        "identifier": "314159265",
        "hmac_key": "DE115ED02B7105B8AD413E9FD297F23499CF1DC3AD80A92DF8D6A099D4EFC591"
        "707A02A9A0E063C91A599657EBBF4F15DD53BD287797CF30480B3161B637852C",
        "direct_key": "VALRIVE42",
        "mode": "production",
        "name": "Régie de Valrive",
        "email": "regie@valrive.exemple",
    },
]
