"""What the columns of a table mean: what a source remembers of them, and what we guess from their names.

No national format exists: the names below were seen in real files or are what their programs' makers would write.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import later_said


class Meaning(TextChoices):
    """What a column says. The values are stable: sources remember them."""

    NUMBER = "number", later_said(_("Numéro %(of_the_debt)s"))
    EXERCICE = "exercice", _("Exercice")
    REGIE = "regie", _("Code de la régie")
    PRODUCT = "product", _("Code du produit")
    LABEL = "label", _("Objet")
    DEBTOR_REFERENCE = "debtor_reference", _("Référence du redevable")
    TITLE = "title", _("Civilité")
    NAME = "name", _("Nom")
    FIRST_NAME = "first_name", _("Prénom")
    ADDRESS1 = "address1", _("Adresse, ligne 1")
    ADDRESS2 = "address2", _("Adresse, ligne 2")
    ADDRESS3 = "address3", _("Adresse, ligne 3")
    ADDRESS4 = "address4", _("Adresse, ligne 4")
    POSTCODE = "postcode", _("Code postal")
    CITY = "city", _("Ville")
    EMAIL = "email", _("Adresse électronique")
    SIRET = "siret", _("SIRET du redevable")
    AMOUNT = "amount", _("Montant")
    ISSUED_ON = "issued_on", _("Date d’émission")
    DUE_ON = "due_on", _("Date limite de paiement")
    KIND = "kind", later_said(_("Type : %(debt)s ou avoir"))
    REDUCES = "reduces", later_said(_("%(Debt)s que l’avoir réduit"))
    BATCH = "batch", _("Bordereau ou rôle")
    REFERENCE = "reference", _("Référence à taper pour payer")


NEEDED = (Meaning.NUMBER, Meaning.AMOUNT)

# Accents, case, spaces and punctuation do not count. In order of preference: the first found in the file wins.
_NAMES: Mapping[Meaning, tuple[str, ...]] = {
    Meaning.NUMBER: (
        "NUMERO", "NUM", "N", "NO", "NUMEROFACTURE", "NUMFACTURE", "NFACTURE", "NOFACTURE", "NUMERODEFACTURE",
        "NDEFACTURE", "FACTURE", "NUMFAC", "NFAC", "NUMTITRE", "NUMEROTITRE", "NTITRE", "NOTITRE", "NUMERODETITRE",
        "NUMEROAVIS", "NAVIS", "NUMAVIS", "NUMPIECE", "NPIECE", "NUMEROPIECE", "IDFACTURE", "IDPCE",
        "NUMERODELAFACTURE", "NDELAFACTURE", "NUMERODAVIS", "NDAVIS", "AVIS",
        "NUMEROAVISDESSOMMESAPAYER", "NTITRES", "TITREN", "FACTUREN", "AVISN", "NUMERODETITREDERECETTE",
        "NPIECECOMPTABLE", "NUMERODEPIECE", "NDEPIECE", "REFFACTURE", "REFERENCEFACTURE", "REFERENCEDELAFACTURE",
        "REFDELAFACTURE", "NUMDOC", "NUMERODOCUMENT", "NDOCUMENT", "NUMEROQUITTANCE",
        "NQUITTANCE", "QUITTANCE",
    ),
    Meaning.EXERCICE: (
        "EXERCICE", "EXER", "ANNEE", "ANNEEEXERCICE", "EXERCICEBUDGETAIRE", "EXO", "EXERCICECOMPTABLE",
        "ANNEEBUDGETAIRE", "EXERCICEDEMISSION",
    ),
    Meaning.REGIE: ("REGIE", "CODEREGIE", "IDREGIE", "NUMREGIE", "NREGIE", "NUMEROREGIE"),
    Meaning.PRODUCT: (
        "CODEPRODUIT", "PRODUIT", "CODPRODLOC", "CODEPRODLOC", "CODEPROD", "PRESTATION", "CODEPRESTATION", "ACTIVITE",
        "CODEACTIVITE", "SERVICE", "TYPEPRESTATION", "TYPEDEPRESTATION", "CODESERVICE", "CODEARTICLE",
        "PRODUITS", "PRESTATIONS",
    ),
    Meaning.LABEL: (
        "LIBELLE", "OBJET", "LIBELLEFACTURE", "OBJETFACTURE", "DESIGNATION", "INTITULE", "MOTIF", "DESCRIPTION",
        "LIBELLEPRESTATION", "OBJETDELAFACTURE", "OBJETDUTITRE", "OBJETTITRE", "LIBELLETITRE", "LIBELLEDELAFACTURE",
        "NATUREDELACREANCE", "PRESTATIONFACTUREE",
    ),
    Meaning.DEBTOR_REFERENCE: (
        "REFREDEVABLE", "REFERENCEREDEVABLE", "CODEREDEVABLE", "IDREDEVABLE", "REFTIERS", "CODETIERS",
        "REFERENCETIERS", "IDTIERS", "CODEFAMILLE", "REFFAMILLE", "NUMFAMILLE", "NFAMILLE", "IDFAMILLE", "CODECLIENT",
        "NUMCLIENT", "NCLIENT", "REFCLIENT", "CODEUSAGER", "NUMUSAGER", "CODEABONNE", "NABONNE", "CODEPAYEUR",
        "REFDEBITEUR", "CODEDEBITEUR", "NREDEVABLE", "NUMREDEVABLE", "NUMEROREDEVABLE", "NUMEROCLIENT",
        "NUMEROFAMILLE", "NUMEROUSAGER", "NUSAGER", "NUMEROABONNE", "NUMEROTIERS", "NTIERS", "NUMTIERS",
        "REFERENCEUSAGER", "REFERENCEFAMILLE", "REFERENCECLIENT", "IDCLIENT", "IDUSAGER",
    ),
    Meaning.TITLE: ("CIVILITE", "CIV", "TITRECIVILITE"),
    Meaning.NAME: (
        "NOM", "NOMREDEVABLE", "NOMDUREDEVABLE", "REDEVABLE", "DEBITEUR", "NOMDEBITEUR", "NOMFAMILLE", "NOMDEFAMILLE",
        "NOMPAYEUR", "PAYEUR", "NOMCLIENT", "CLIENT", "NOMUSAGER", "USAGER", "TIERS", "NOMTIERS", "RAISONSOCIALE",
        "NOMPRENOM", "NOMETPRENOM", "FAMILLE", "DESTINATAIRE", "NOMRESPONSABLE", "RESPONSABLE", "NOMS",
        "NOMDELAFAMILLE", "NOMDUCLIENT", "NOMDELUSAGER", "NOMDUPAYEUR", "NOMDUDEBITEUR", "NOMDUTIERS",
        "NOMDURESPONSABLE", "NOMRAISONSOCIALE", "NOMOURAISONSOCIALE", "NOMETPRENOMS", "NOMSETPRENOMS", "NOMSPRENOMS",
        "NOMDUREPRESENTANT", "ABONNE", "LOCATAIRE", "NOMLOCATAIRE", "NOMDULOCATAIRE", "NOMABONNE", "OCCUPANT",
        "DENOMINATION", "REPRESENTANTLEGAL", "NOMCOMPLET",
    ),
    Meaning.FIRST_NAME: (
        "PRENOM", "PRENOMS", "PRENOMREDEVABLE", "PRENOMDEBITEUR", "PRENOMPAYEUR", "PRENOMCLIENT", "PRENOMDUREDEVABLE",
        "PRENOMUSAGER", "PRENOMDELUSAGER", "PRENOMDUCLIENT", "PRENOMDUPAYEUR", "PRENOMRESPONSABLE", "PRENOMLOCATAIRE",
    ),
    Meaning.ADDRESS1: (
        "ADRESSE1", "ADR1", "ADRESSE", "RUE", "VOIE", "ADRESSEREDEVABLE", "ADRESSELIGNE1", "ADRESSEPOSTALE",
        "ADRESSEDUREDEVABLE", "NOMDELAVOIE", "NUMEROETRUE", "NUMEROETVOIE", "NETRUE", "ADRESSEUSAGER",
        "ADRESSECLIENT",
    ),
    Meaning.ADDRESS2: ("ADRESSE2", "ADR2", "COMPLEMENT", "COMPLEMENTADRESSE", "COMPLEMENTDADRESSE", "ADRESSELIGNE2"),
    Meaning.ADDRESS3: ("ADRESSE3", "ADR3", "LIEUDIT", "ADRESSELIGNE3"),
    Meaning.ADDRESS4: ("ADRESSE4", "ADR4", "ADRESSELIGNE4"),
    Meaning.POSTCODE: (
        "CP", "CODEPOSTAL", "CODPOSTAL", "CPOSTAL", "CPREDEVABLE", "CODEPOSTALREDEVABLE",
    ),
    Meaning.CITY: (
        "VILLE", "COMMUNE", "LOCALITE", "VILLEREDEVABLE", "BUREAUDISTRIBUTEUR",
    ),
    Meaning.EMAIL: (
        "EMAIL", "MAIL", "COURRIEL", "ADRESSEMAIL", "ADRESSEEMAIL", "ADRESSEELECTRONIQUE", "EMAILREDEVABLE", "MEL",
        "ADRESSECOURRIEL", "COURRIELREDEVABLE", "ADRESSECOURRIELREDEVABLE", "EMAILPAYEUR", "MAILREDEVABLE",
        "ADRESSEDEMESSAGERIE",
    ),
    Meaning.SIRET: ("SIRET", "NSIRET", "NUMSIRET", "SIRETREDEVABLE"),
    Meaning.AMOUNT: (
        "MONTANTTTC", "MONTANT", "MTTTC", "TOTALTTC", "NETAPAYER", "MONTANTAPAYER", "MONTANTFACTURE", "MONTANTTOTAL",
        "MONTANTDU", "MONTANTEUROS", "MONTANTENEUROS", "TTC", "TOTAL", "SOMME", "SOMMEDUE", "APAYER", "RESTEDU",
        "RESTEAPAYER", "SOLDE", "MT", "MTT", "TOTALAPAYER", "TOTALFACTURE", "TOTALDELAFACTURE", "MONTANTDELAFACTURE",
        "MONTANTDUTITRE", "MONTANTTITRE", "MONTANTTOTALTTC", "TOTALTTCEUROS", "MONTANTTTCEUROS", "MONTANTTTCENEUROS",
        "MONTANTEUR", "MONTANTDUTTC", "DU", "SOMMEAPAYER", "NETAPAYERTTC", "NETAPAYEREUROS",
        "NETAPAYERENEUROS", "TOTALDU", "TOTALEUROS", "TOTALENEUROS", "AREGLER",
        "MONTANTAREGLER", "NETAREGLER", "MONTANTEN", "MONTANTTTCEN", "NETTTC",
    ),
    Meaning.ISSUED_ON: (
        "DATEEMISSION", "DATEDEMISSION", "DATEFACTURE", "DATEDEFACTURE", "DATEFACTURATION", "EMISLE", "EMISSION",
        "DATETITRE", "DATEPIECE", "DATE", "DTEMISSION", "DATEEDITION", "EMISELE", "DATEDELAFACTURE",
        "DATEDUTITRE", "DATEDETITRE", "DATEDELEMISSION", "DATEEMISE", "FACTUREELE", "FACTURELE", "DATEDEFACTURATION",
        "DATEDEDITION", "DATEAVIS", "DATEDAVIS", "DATECREATION", "DATEDECREATION", "EDITELE", "EDITEELE",
        "DATEDUROLE",
    ),
    Meaning.DUE_ON: (
        "DATEECHEANCE", "DATEDECHEANCE", "ECHEANCE", "DATELIMITE", "DATELIMITEPAIEMENT", "DATELIMITEDEPAIEMENT",
        "LIMITEPAIEMENT", "DATELIMITEDEREGLEMENT", "DATELIMITEREGLEMENT", "APAYERAVANTLE", "APAYERAVANT",
        "DTECHEANCE", "DATEEXIGIBILITE", "DATEDEXIGIBILITE", "ECHEANCELE", "DATEDELECHEANCE", "ECHEANCEDEPAIEMENT",
        "ECHEANCEPAIEMENT", "DATEECHEANCEPAIEMENT", "LIMITEDEPAIEMENT", "PAYABLEAVANT", "PAYABLEAVANTLE",
        "PAYABLEJUSQUAU", "AREGLERAVANTLE", "AREGLERAVANT", "APAYERPOURLE", "APAYERLE",
        "DATELIMITEPOURPAYER", "DUELE", "DULE", "EXIGIBLELE",
    ),
    Meaning.KIND: (
        "TYPE", "TYPEFACTURE", "TYPEPIECE", "TYPEDOCUMENT", "NATURE", "SENS", "FACTUREAVOIR", "TYPEDEFACTURE",
        "TYPEDEPIECE", "TYPEDEDOCUMENT",
    ),
    Meaning.REDUCES: (
        "FACTUREREDUITE", "FACTUREDORIGINE", "FACTUREORIGINE", "NUMEROORIGINE", "TITREORIGINE", "AVOIRSUR", "REDUIT",
        "AVOIRSURFACTURE", "NUMFACTUREORIGINE", "NFACTUREORIGINE", "REFFACTUREORIGINE", "FACTURERECTIFIEE",
        "FACTUREAREDUIRE", "AVOIRDELAFACTURE", "FACTUREINITIALE", "TITREREDUIT", "NUMEROFACTUREORIGINE",
    ),
    Meaning.BATCH: (
        "BORDEREAU", "NUMBORDEREAU", "NBORDEREAU", "ROLE", "NUMROLE", "NROLE", "LOT", "NUMLOT", "NUMEROBORDEREAU",
        "NUMEROROLE", "NUMEROLOT", "NDEBORDEREAU", "NDEROLE",
    ),
    Meaning.REFERENCE: (
        "REFERENCEPAIEMENT", "REFPAIEMENT", "REFERENCEDEPAIEMENT", "REFDET", "REFERENCEPAYFIP",
        "REFERENCEDEPAIEMENTENLIGNE", "REFERENCEINTERNET", "REFERENCEPAIEMENTENLIGNE", "REFERENCETIPI",
        "REFERENCEAPAYER",
    ),
}  # fmt: skip

_MEANING_OF = {name: (meaning, rank) for meaning, names in _NAMES.items() for rank, name in enumerate(names)}
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_ONLY_EXPLAINS = re.compile(  # as `plain` leaves it: « en € », « TTC, en euros », « jj/mm/aaaa »
    r"(?:EN)?(?:EUR|EUROS?)?(?:TTC)?(?:EN)?(?:EUR|EUROS?)?"
    r"|(?:FORMAT)?(?:(?:JJ?MM?|DD?MM?|MM?DD?)(?:AA|YY){1,2}|(?:AA|YY){1,2}MM?(?:JJ?|DD?))"
)
_EXACT = 1000  # more names than any meaning has: those that say less than the whole column come after
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]")

ENCODINGS = {
    "utf-8": "UTF-8",
    "windows-1252": "Windows-1252",
    "iso-8859-15": "ISO-8859-15",
    "iso-8859-1": "ISO-8859-1",
    "utf-16": "UTF-16",
    "cp850": "CP850 (DOS)",
}
SEPARATORS = (";", ",", "\t", "|")
REFUSE, DISTINCT = "refuse", "distinct"


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What a source remembers of its tables; what is empty is found out."""

    columns: Mapping[Meaning, str] = field(
        default_factory=dict
    )  # as the file names them; its rank ("1") without header
    encoding: str = ""  # among ENCODINGS
    separator: str = ""  # among SEPARATORS
    sheet: str = ""  # its name
    has_header: bool | None = None
    sums_lines: bool = False  # one line per item, to be added up by number
    numbers_without_zeros: str = REFUSE  # 412 beside 000412: refused, or two debts
    default_exercice: int | None = None  # where no column says it; else the year of issue
    decimal: str = ""  # "," or ".": the only one; "": both, a point with a warning
    accepts_units: bool = False  # 12,00 EUR, with a warning

    @classmethod
    def of(cls, json: Mapping[str, object]) -> Self:
        """Those among a source's options, whatever else is there. Raises ValueError, which names the member."""
        told: dict[str, object] = {}
        for name, is_sound in _SOUND.items():
            if name in json:
                if not is_sound(json[name]):
                    raise ValueError(name)
                told[name] = json[name]
        return cls(**(told | {"columns": _columns(json.get("columns", {}))}))  # type: ignore[arg-type]  # checked above


def _columns(told: object) -> Mapping[Meaning, str]:
    if not isinstance(told, Mapping):
        raise ValueError("columns")
    columns: dict[Meaning, str] = {}
    for meaning, column in told.items():
        if meaning not in Meaning.values or not isinstance(column, str):
            raise ValueError(f"columns.{meaning}")
        if not column:
            continue  # a form's empty choice
        if column in columns.values():
            raise ValueError(f"columns.{meaning}")
        columns[Meaning(meaning)] = column
    for needed in NEEDED:
        if columns and needed not in columns:
            raise ValueError(f"columns.{needed}")
    return columns


_SOUND: Mapping[str, Callable[[object], bool]] = {
    "encoding": lambda value: value == "" or (isinstance(value, str) and value in ENCODINGS),
    "separator": lambda value: value == "" or (isinstance(value, str) and value in SEPARATORS),
    "sheet": lambda value: isinstance(value, str) and len(value) <= 100,
    "has_header": lambda value: value is None or isinstance(value, bool),
    "sums_lines": lambda value: isinstance(value, bool),
    "numbers_without_zeros": lambda value: value in (REFUSE, DISTINCT),
    "default_exercice": lambda value: value is None or (type(value) is int and 2000 <= value <= 2099),
    "decimal": lambda value: value in ("", ",", "."),
    "accepts_units": lambda value: isinstance(value, bool),
}


def guess(columns: Iterable[str]) -> dict[Meaning, str]:
    """What each column means, by its name alone; those we do not know are left out."""
    best: dict[Meaning, tuple[int, str]] = {}
    for column in columns:
        found = _known(column)
        if found and (found[0] not in best or found[1] < best[found[0]][0]):
            best[found[0]] = (found[1], column)
    return {meaning: best[meaning][1] for meaning in Meaning if meaning in best}


def candidates(columns: Iterable[str], meaning: Meaning) -> tuple[str, ...]:
    """All the columns whose name may mean that."""
    return tuple(column for column in columns if (found := _known(column)) and found[0] is meaning)


def _known(column: str) -> tuple[Meaning, int] | None:
    """What a name may mean, and its rank among those that mean it: last, where brackets were left out."""
    if exact := _MEANING_OF.get(plain(column)):
        return exact
    shorter = _MEANING_OF.get(plain(_BRACKETS.sub(_without_explaining, column)))
    return (shorter[0], shorter[1] + _EXACT) if shorter else None


def _without_explaining(brackets: re.Match[str]) -> str:
    """Nothing, for a currency or the format of a date; « (HT) » or « (enfant) » makes another column of it."""
    return "" if _ONLY_EXPLAINS.fullmatch(plain(brackets[0])) else brackets[0]


def plain(name: str) -> str:
    """A column's name without accents, case or punctuation: « N° Facture » is NFACTURE."""
    letters = unicodedata.normalize("NFKD", name.replace("°", "").replace("º", "").replace("œ", "oe")).upper()
    return _NOT_IN_NAMES.sub("", letters)
