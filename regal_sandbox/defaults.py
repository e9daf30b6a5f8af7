"""What the sandbox plays when nobody tells it anything: two clients, two debts, two towns."""

DEFAULTS: dict[str, object] = {
    "clients": [
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
    ],
    "debts": [
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
    ],
    "towns": [
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
    ],
}
