"""The form of each kind of debt: blanks and separators forgiven, amounts as people write them, and every error said at
once beside its field. Zeros are restored for titres only; a rôle's or an invoice's number is taken as it is printed.

A form gives `reference`, `amount` and `email`. Its template walks `questions`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from regal.checkout.address import LINES, address_fields, asks_address
from regal.collectivites.debt_words import later_said, said
from regal.collectivites.models import Collectivite, GatewayAccount, Product
from regal.collectivites.reference_forms import InvoiceWords, OrmcWords
from regal.gateways.base import DebtKind, Environment
from regal.gateways.registry import OF_OUR_BASE
from regal.lib import in_words, paris
from regal.lib.email_address import EmailReason, UnreadableEmail, normalise_email
from regal.lib.money import AmountReason, Money, UnreadableAmount
from regal.lib.references import (
    RESERVED_EXERCICE,
    DebtReference,
    InvoiceReference,
    OrmcReference,
    Part,
    ReferenceReason,
    TitreReference,
    UnreadableReference,
)
from regal.payments.queries import LookUp, Situation
from regal.titres.payment_keys import UnreadableKey, read_key

EMAIL_SENTENCES = {
    EmailReason.EMPTY: _("Indiquez votre adresse e-mail : le ticket de paiement y est envoyé."),
    EmailReason.SEVERAL: _("Indiquez une seule adresse e-mail."),
    EmailReason.TOO_LONG: _("Cette adresse e-mail est trop longue pour le paiement en ligne (80 caractères au plus)."),
    EmailReason.COMMA: _("Il y a une virgule dans cette adresse e-mail : c’est sans doute un point."),
    EmailReason.NOT_ASCII: _("Le paiement en ligne n’accepte pas les accents dans une adresse e-mail."),
}
EMAIL_USUAL = _("Vérifiez l’adresse e-mail ; elle ressemble à nom@exemple.fr.")
AMOUNT_SENTENCES = {
    AmountReason.EMPTY: _("Indiquez le montant imprimé sur l’avis, par exemple 125,50."),
    AmountReason.AMBIGUOUS: _("Ce montant peut se lire de deux façons. Écrivez-le sans séparateur : 1234,50."),
    AmountReason.TOO_MANY_DECIMALS: _("Un montant a au plus deux chiffres après la virgule."),
}
AMOUNT_USUAL = _("Ce montant ne se lit pas. Écrivez-le comme sur l’avis, par exemple 125,50.")
AMOUNT_SENTENCES_OF_AN_INVOICE = AMOUNT_SENTENCES | {
    AmountReason.EMPTY: later_said(_("Indiquez le montant imprimé sur %(the_debt)s, par exemple 125,50.")),
}
AMOUNT_USUAL_OF_AN_INVOICE = later_said(
    _("Ce montant ne se lit pas. Écrivez-le comme sur %(the_debt)s, par exemple 125,50.")
)
WRONG = {
    Part.EXERCICE: _("L’exercice est une année à quatre chiffres, par exemple 2026."),
    Part.TITRE: _("Le numéro de titre a de 1 à 8 chiffres, sans lettre."),
    Part.LIGNE: _("Le numéro de ligne a de 1 à 6 chiffres. C’est 1 sur presque tous les avis."),
    Part.CODE: _("Ce code a deux lettres ou chiffres, par exemple EA."),
    Part.PERIOD: _("Il y a ici deux chiffres, par exemple 00."),
    Part.NUMBER: _("Ce numéro a de 1 à 13 chiffres, sans lettre."),
}
EMPTY = {
    Part.EXERCICE: _("Indiquez l’exercice : c’est l’année, au début de la référence."),
    Part.TITRE: _("Indiquez le numéro de titre imprimé sur l’avis."),
    Part.LIGNE: _("Indiquez le numéro de ligne, à la fin de la référence ; c’est presque toujours 1."),
    Part.CODE: _("Indiquez les deux lettres ou chiffres qui suivent l’exercice."),
    Part.PERIOD: _("Indiquez les deux chiffres qui suivent le code."),
    Part.NUMBER: _("Indiquez le numéro imprimé à la fin de la référence."),
}
INVOICE_WRONG = {
    ReferenceReason.EMPTY: later_said(_("Indiquez le numéro imprimé sur %(the_debt)s.")),
    ReferenceReason.NOT_PLAIN: _("Ce numéro ne contient que des lettres sans accent et des chiffres."),
}
INVOICE_USUAL = later_said(
    _("Ce numéro est trop long : recopiez seulement celui %(of_the_debt)s, 30 caractères au plus.")
)
_AMOUNT_REFUSED = _("Ce montant ne peut pas être payé en ligne ici.")
REFUSED = {  # what the account's own contract or PayFiP itself forbids, and the field to mend
    "reference_reserved": ("exercice", _("L’exercice 9999 est réservé aux essais : indiquez l’année de l’avis.")),
    "reference_malformed": ("invoice", _("Ce numéro est trop court pour PayFiP : vérifiez qu’il est complet.")),
    "amount_out_of_bounds": ("amount", _AMOUNT_REFUSED),
    "email_malformed": ("email", EMAIL_USUAL),
    "email_with_ampersand": (
        "email",
        _("Le paiement par carte n’accepte pas le signe & dans une adresse e-mail : indiquez-en une autre."),
    ),
    "payfip_A1": ("email", EMAIL_USUAL),
    "payfip_A2": ("email", _("PayFiP n’accepte pas cette adresse e-mail : vérifiez-la, ou indiquez-en une autre.")),
    "payfip_M1": ("amount", _AMOUNT_REFUSED),
    "payfip_M3": ("amount", _("PayFiP n’accepte pas les montants inférieurs à 1 €.")),
    "payfip_M5": (
        "amount",
        later_said(_("PayFiP n’accepte pas un montant aussi élevé : payez comme indiqué sur %(the_debt)s.")),
    ),
    "payfip_R3": ("invoice", _("PayFiP n’accepte pas ce numéro : vérifiez qu’il est complet.")),
}
OUR_CONTRACT = (  # nothing that a payer typed can mend these
    "payfip_T",
    "payfip_S",
    "payfip_D",
    "payfip_N",
    "hmac_missing",
    "environment_differs",
    "notification_url_",
    "return_url_",
)
NOT_FOUND = later_said(
    _(
        "%(No_debt)s à payer ne porte ce numéro et ce montant. Vérifiez les deux sur %(the_debt)s ; s’ils y sont bien"
        " ainsi, adressez-vous au service qui l’a envoyé%(e)s."
    )
)
NOT_FOUND_BY_KEY = later_said(
    _(
        "%(No_debt)s ne porte ce numéro et cette clé. Vérifiez les deux sur %(the_debt)s ; s’ils y sont bien ainsi,"
        " adressez-vous au service qui l’a envoyé%(e)s."
    )
)
AMOUNT_OR_KEY = later_said(
    _("Indiquez le montant imprimé sur %(the_debt)s, par exemple 125,50, ou la clé de paiement s’il y en a une.")
)
KEY_UNREADABLE = _("La clé de paiement a dix lettres et chiffres, par exemple 7K3QF-M2X9D : recopiez-la en entier.")
STOPPED = {  # what the régie decided of an invoice that is added to others
    Situation.SUSPENDED: _(
        "%(This_debt)s n’est pas payable en ligne en ce moment : demandez au service qui l’a envoyé%(e)s."
    ),
    Situation.CANCELLED: _(
        "%(This_debt)s est annulé%(e)s : il n’y a rien à ajouter. Vous aviez déjà payé ? Gardez votre ticket et"
        " adressez-vous au service qui l’a envoyé%(e)s : il vous dira comment la somme vous revient."
    ),
    Situation.WRITTEN_OFF: _(
        "%(This_debt)s n’est plus à payer : le service qui l’a envoyé%(e)s ne demande plus cette somme, et il n’y a"
        " rien à ajouter."
    ),
    Situation.TRANSFERRED: _("%(This_debt)s se paie maintenant à la trésorerie, et non plus ici."),
}
TO_THE_TREASURY = _(
    "Attendez le courrier de la trésorerie et payez comme il l’indique. S’il n’est pas arrivé, demandez à votre"
    " trésorerie en donnant le numéro ci-dessous."
)
PENDING = _(
    "Un paiement %(of_this_debt)s est en cours : la banque n’a pas encore dit si elle l’accepte, et sa réponse peut"
    " prendre plusieurs jours. D’ici là, ne payez pas une seconde fois."
)
CONTRARY = _("Ce champ contient une référence entière, qui contredit les autres : effacez-les, ou tapez chaque partie.")
ALONE = _("Tapez ce numéro seul, par exemple 412 ; ce qui suit le tiret va dans un autre champ.")
TOO_LONG = _("C’est trop long pour être juste : recopiez seulement ce qui est imprimé sur l’avis.")
NOT_TYPED = _("Ce champ contient un caractère que l’on ne tape pas : recopiez ce qui est imprimé sur l’avis.")
_PREFIX = re.compile(
    r"\s*(?:titre|ligne)?\s*(?:n\s?[°ºo]\s?\.?)?\s*(?=[0-9])", re.IGNORECASE
)  # « N° 412 » as on the notice
_TWO_NUMBERS = re.compile(r"[0-9]\s*[-‐‑‒–—−/._]+\s*[0-9]")
LEAST, MOST = Money(100), Money(9_999_999)
MOST_TYPED = 40  # characters of an amount or of a key


@dataclass(frozen=True, kw_only=True)
class Question:
    """One field as the page shows it; `mark` is the number beside it in the picture of the notice."""

    field: BoundField
    label: str | Promise
    hint: str | Promise
    mark: int
    inputmode: str = "numeric"
    kind: str = "text"
    autocomplete: str = "off"
    is_optional: bool = False

    @property
    def described_by(self) -> str:
        """The ids of what explains the field."""
        return f"{self.field.name}-hint {self.field.name}-error" if self.field.errors else f"{self.field.name}-hint"


def email_question(form: forms.Form) -> Question:
    """Where the ticket goes."""
    return Question(
        field=form["email"],
        label=_("Votre adresse e-mail"),
        hint=_("le ticket de paiement y est envoyé ; par exemple nom@exemple.fr"),
        mark=0,
        inputmode="email",
        kind="email",
        autocomplete="email",
    )


def address_questions(form: forms.Form) -> list[Question]:
    """Whose card it is, where the form asks."""
    return [
        Question(
            field=form[name],
            label=line.label,
            hint=line.hint,
            mark=0,
            inputmode="text",
            autocomplete=line.autocomplete,
        )
        for name, line in LINES.items()
        if name in form.fields
    ]


def typed_key(data: Mapping[str, str]) -> str:
    """What was typed as a payment key, well or badly: in its own field, or in the amount's what reads as nothing else.

    "1234567890" could be both: what reads as an amount is one, badly written too.
    """
    if key := (data.get("key") or "").strip():
        return key
    typed = (data.get("amount") or "")[:MOST_TYPED]
    try:
        Money.parse(typed)
    except UnreadableAmount as unreadable:
        if unreadable.reason is not AmountReason.MALFORMED:
            return ""
    else:
        return ""
    try:
        return read_key(typed)
    except UnreadableKey:
        return ""


def read_email(typed: str) -> str:
    """Raises ValidationError."""
    try:
        return normalise_email(typed)
    except UnreadableEmail as unreadable:
        raise ValidationError(EMAIL_SENTENCES.get(unreadable.reason, EMAIL_USUAL), code="R021") from None


class DebtForm(forms.Form):
    """What every kind asks. `latest` is the running exercice: no notice is of a year to come."""

    use_required_attribute = False
    kind: ClassVar[DebtKind]
    carried: Mapping[str, str] = {}  # unseen: the other debts of the same payment, sealed
    amount_sentences = AMOUNT_SENTENCES
    amount_usual = AMOUNT_USUAL
    amount = forms.CharField(required=False, max_length=MOST_TYPED)
    email = forms.CharField(required=False, max_length=254)

    def __init__(
        self,
        data: Mapping[str, str] | None = None,
        *,
        product: Product,
        latest: int,
        initial: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.product = product
        self.latest = latest
        for field in self.fields.values():
            field.error_messages |= {"max_length": TOO_LONG, "null_characters_not_allowed": NOT_TYPED}
        if asks_address(product.account):
            self.fields |= address_fields()

    @cached_property
    def reference_questions(self) -> list[Question]:
        """The fields that make the reference."""
        raise NotImplementedError

    @property
    def questions(self) -> Iterator[Question]:
        """Every field, in the order of the page."""
        yield from self.reference_questions
        yield from self.other_questions
        yield from self.address_questions

    @cached_property
    def address_questions(self) -> list[Question]:
        """Whose card it is, where the contract asks."""
        return address_questions(self)

    @cached_property
    def money_questions(self) -> list[Question]:
        """The amount."""
        return [
            Question(
                field=self["amount"],
                label=_("Montant, en euros"),
                hint=_("la somme à payer, au centime près, par exemple 125,50"),
                mark=self.amount_mark,
                inputmode="decimal",
            )
        ]

    @cached_property
    def other_questions(self) -> list[Question]:
        """What is paid, and the e-mail address."""
        return [*self.money_questions, email_question(self)]

    @property
    def amount_mark(self) -> int:
        """The number of the amount in the picture of the notice."""
        return len(self.reference_questions) + 1

    @property
    def example(self) -> list[str]:
        """The parts of a reference as the picture of the notice prints them."""
        raise NotImplementedError

    @property
    def wrong(self) -> list[dict[str, str]]:
        """What is to be mended: field and sentence, in the order of the page; what concerns two fields comes once."""
        fields: dict[str, str] = {}
        for question in self.questions:
            for message in question.field.errors:
                fields.setdefault(str(message), question.field.name)
        return [{"field": field, "message": message} for message, field in fields.items()]

    @property
    def typed(self) -> dict[str, str]:
        """What the fields hold, to be carried to the same form elsewhere."""
        return {field.name: field.value() or "" for field in self} | dict(self.carried)

    @staticmethod
    def as_typed(reference: DebtReference) -> dict[str, str]:
        """The fields of a reference as a payer would have typed them."""
        raise NotImplementedError

    def accuse(self, reason: str) -> bool:
        """Put beside its field what a gateway refused; False when no field of this form can mend it."""
        field, sentence = REFUSED.get(reason, ("", ""))
        if field not in self.fields:
            return False
        if not self.has_error(field):
            self.add_error(field, ValidationError(sentence, code="R103"))
        return True

    def clean_email(self) -> str:
        return read_email(self.cleaned_data["email"])

    def clean_amount(self) -> Money:
        try:
            amount = Money.parse(self.cleaned_data["amount"])
        except UnreadableAmount as unreadable:
            raise ValidationError(
                self.amount_sentences.get(unreadable.reason, self.amount_usual), code="R022"
            ) from None
        self.check_terms(amount)
        return amount

    def check_terms(self, amount: Money) -> None:
        """Whether such an amount is paid here. Raises ValidationError."""
        least, most = self.product.min_amount, self.product.max_amount
        if amount < LEAST:
            raise ValidationError(_("Un paiement en ligne est d’au moins 1 €."), code="R023")
        if amount > MOST:
            raise ValidationError(_("Un paiement en ligne est d’au plus 99 999,99 €."), code="R024")
        if (least and amount < least) or (most and amount > most):
            sentence = _("Ce montant n’est pas de ceux que l’on paie ici : vérifiez-le sur le document à payer.")
            raise ValidationError(sentence, code="R025")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        asked = {name for name in self.fields if name not in ("amount", "key", "email", *LINES)}
        if asked <= cleaned.keys():
            cleaned["reference"] = self._reference({name: cleaned[name] for name in asked})
        return cleaned

    def _reference(self, typed: dict[str, str]) -> DebtReference | None:
        """Read it, or add an error beside each field that is wrong."""
        raise NotImplementedError

    def _in_parts(
        self, kind: type[TitreReference] | type[OrmcReference], typed: dict[str, str], harmless: Mapping[Part, str]
    ) -> DebtReference | None:
        """A reference in several fields: each one that is wrong says so, not the first alone."""
        while True:
            try:
                reference = kind.from_fields(**typed)
                break
            except UnreadableReference as unreadable:
                part = unreadable.part
                sentences = EMPTY if unreadable.reason is ReferenceReason.EMPTY else WRONG
                self.add_error(part.value, ValidationError(sentences[part], code="R026"))
                typed[part.value] = harmless[part]  # the next field may be wrong too
        if self.errors.keys() & typed.keys():
            return None
        return reference if self._is_of_a_good_year(reference) else None

    def _is_of_a_good_year(self, reference: TitreReference | OrmcReference) -> bool:
        if reference.exercice == RESERVED_EXERCICE and self.product.account.environment == Environment.TEST:
            return True
        if reference.exercice <= self.latest:
            return True
        if reference.exercice == RESERVED_EXERCICE:
            self.accuse("reference_reserved")
            return False
        sentence = _("L’exercice ne peut pas être après %(latest)s : c’est l’année imprimée sur l’avis.")
        self.add_error("exercice", ValidationError(sentence, code="R027", params={"latest": self.latest}))
        return False


class TitreForm(DebtForm):
    """exercice, titre, ligne; or the whole reference pasted into the first or the second field."""

    kind = DebtKind.TITRE
    exercice = forms.CharField(required=False, max_length=64)
    titre = forms.CharField(required=False, max_length=64)
    ligne = forms.CharField(required=False, max_length=40, initial="1")

    @cached_property
    def reference_questions(self) -> list[Question]:
        return [
            Question(field=self["exercice"], label=_("Exercice"), hint=_("au début : l’année, 4 chiffres"), mark=1),
            Question(field=self["titre"], label=_("Numéro de titre"), hint=_("au milieu : 8 chiffres au plus"), mark=2),
            Question(field=self["ligne"], label=_("Ligne"), hint=_("à la fin : presque toujours 1"), mark=3),
        ]

    @property
    def example(self) -> list[str]:
        return ["2026", "412", "1"]

    @staticmethod
    def as_typed(reference: DebtReference) -> dict[str, str]:
        assert isinstance(reference, TitreReference)
        return {
            "exercice": str(reference.exercice),
            "titre": str(reference.titre),
            "ligne": str(reference.ligne),
        }

    def _reference(self, typed: dict[str, str]) -> DebtReference | None:
        for pasted in ("exercice", "titre"):
            try:
                reference = TitreReference.parse(typed[pasted])
            except UnreadableReference:
                continue
            if self._agrees(reference, {name: text for name, text in typed.items() if name != pasted}):
                return reference if self._is_of_a_good_year(reference) else None
            self.add_error(pasted, ValidationError(CONTRARY, code="R032"))
            return None
        for name in ("titre", "ligne"):
            typed[name] = _PREFIX.sub("", typed[name], count=1)
        glued = [name for name in ("titre", "ligne") if _TWO_NUMBERS.search(typed[name])]
        for name in glued:  # « 412-1 » is no titre 4121
            self.add_error(name, ValidationError(ALONE, code="R033"))
        if glued:
            return None
        typed["ligne"] = typed["ligne"] or "1"
        harmless = {Part.EXERCICE: str(RESERVED_EXERCICE), Part.TITRE: "1", Part.LIGNE: "1"}
        return self._in_parts(TitreReference, typed, harmless)

    def _agrees(self, reference: TitreReference, others: dict[str, str]) -> bool:
        """Whether the other fields say the same as a reference pasted whole, or nothing."""
        alone = self.as_typed(reference)
        return all(text in ("", alone[name]) or (name == "ligne" and text == "1") for name, text in others.items())


class OrmcForm(DebtForm):
    """A rôle's reference, in blocks named as on the notice; or the whole of it pasted into the first or last field."""

    kind = DebtKind.ORMC
    exercice = forms.CharField(required=False, max_length=64)
    code = forms.CharField(required=False, max_length=40)
    period = forms.CharField(required=False, max_length=40)
    number = forms.CharField(required=False, max_length=64)

    @cached_property
    def words(self) -> OrmcWords:
        """The words of the product's notices."""
        words = self.product.words
        assert isinstance(words, OrmcWords)
        return words

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """The code that all notices of the product bear is typed for the payer."""
        return super().get_initial_for_field(field, field_name) or (self.words.code if field_name == "code" else None)

    @cached_property
    def reference_questions(self) -> list[Question]:
        words = self.words
        digits = words.number_digits
        number_hint = (
            _("à la fin : %(digits)s chiffres, zéros compris") % {"digits": digits}
            if digits
            else _("à la fin : tous les chiffres, zéros compris")
        )
        return [
            Question(field=self["exercice"], label=_("Exercice"), hint=_("au début : l’année, 4 chiffres"), mark=1),
            Question(
                field=self["code"],
                label=words.code_name or _("Code recette"),
                hint=_("2 lettres ou chiffres"),
                mark=2,
                inputmode="text",
            ),
            Question(field=self["period"], label=words.period_name or _("Période"), hint=_("2 chiffres"), mark=3),
            Question(field=self["number"], label=words.number_name or _("Numéro"), hint=number_hint, mark=4),
        ]

    @property
    def example(self) -> list[str]:
        return [
            "2026",
            self.words.code or "EA",
            "00",
            "12345".rjust(self.words.number_digits or 9, "0")[-(self.words.number_digits or 9) :],
        ]

    @staticmethod
    def as_typed(reference: DebtReference) -> dict[str, str]:
        assert isinstance(reference, OrmcReference)
        return {
            "exercice": str(reference.exercice),
            "code": reference.code,
            "period": reference.period,
            "number": reference.number,
        }

    def _reference(self, typed: dict[str, str]) -> DebtReference | None:
        reference: DebtReference | None = self._pasted(typed)
        if not isinstance(reference, OrmcReference):
            harmless = {Part.EXERCICE: str(RESERVED_EXERCICE), Part.CODE: "00", Part.PERIOD: "00", Part.NUMBER: "0"}
            reference = self._in_parts(OrmcReference, typed, harmless)
        elif not self._is_of_a_good_year(reference):
            return None
        if not isinstance(reference, OrmcReference) or reference.is_reserved:
            return reference
        words = self.words
        if words.code and reference.code != words.code:
            sentence = _("Ce n’est pas le code de ces avis (%(code)s) : vérifiez que vous êtes au bon formulaire.")
            self.add_error("code", ValidationError(sentence, code="R028", params={"code": words.code}))
        if words.number_digits and len(reference.number) != words.number_digits:
            sentence = _("Ce numéro a %(digits)s chiffres, zéros du début compris : recopiez-les tous.")
            self.add_error("number", ValidationError(sentence, code="R029", params={"digits": words.number_digits}))
        return reference

    def _pasted(self, typed: dict[str, str]) -> OrmcReference | None:
        """The whole reference in one field, when the others say nothing: a debt number alone may look like one."""
        for name, others in (("exercice", ("period", "number")), ("number", ("exercice", "period"))):
            if any(typed[other] for other in others):
                continue
            try:
                return OrmcReference.parse(typed[name])
            except UnreadableReference:
                continue
        return None


class InvoiceForm(DebtForm):
    """A régie's invoice: PayFiP checks neither number nor amount, so the product's pattern or key does.

    Of our own base the notice's payment key may be typed instead of the amount, even in its field; where both are, the
    key alone counts.
    """

    kind = DebtKind.REGIE
    amount_sentences = AMOUNT_SENTENCES_OF_AN_INVOICE
    amount_usual = AMOUNT_USUAL_OF_AN_INVOICE
    invoice = forms.CharField(required=False, max_length=64)
    key = forms.CharField(required=False, max_length=MOST_TYPED)
    key_example = "7K3QF-M2X9D"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_foreign = False  # no number of this product's, but perhaps one that the comptable collects
        if not self.asks_key:
            del self.fields["key"]

    @property
    def asks_key(self) -> bool:
        """Whether the product's invoices stand in our own base."""
        return self.product.account.gateway in OF_OUR_BASE

    @property
    def is_keyed(self) -> bool:
        """Whether a key was typed, in either field."""
        return self.asks_key and bool(typed_key(self.data))

    @property
    def key_field(self) -> str:
        """Where it was typed."""
        return "key" if self.asks_key and (self.data.get("key") or "").strip() else "amount"

    @cached_property
    def money_questions(self) -> list[Question]:
        """The amount, or the key that stands for it."""
        (amount,) = super().money_questions
        if not self.asks_key:
            return [amount]
        key = Question(
            field=self["key"],
            label=_("Clé de paiement"),
            hint=later_said(_("si %(the_debt)s en porte une : dix lettres et chiffres, qui remplacent le montant")),
            mark=self.key_mark,
            inputmode="text",
            is_optional=True,
        )
        return [replace(amount, is_optional=True), key]

    @property
    def key_mark(self) -> int:
        """The number of the key in the picture of the notice."""
        return self.amount_mark + 1

    @property
    def reads_elsewhere(self) -> tuple[str, ...]:
        """What was typed, if it is the reference of a titre or of a rôle, which the comptable collects."""
        found = []
        for kind in (TitreReference, OrmcReference):
            try:
                found.append(kind.parse(self.data.get("invoice") or "").digits)
            except UnreadableReference:
                continue
        return tuple(found)

    @cached_property
    def words(self) -> InvoiceWords:
        """The words of the product's invoices, and how a good number is known."""
        words = self.product.words
        assert isinstance(words, InvoiceWords)
        return words

    @cached_property
    def reference_questions(self) -> list[Question]:
        words = self.words
        hint = said(_("tel qu’il est imprimé, sur %(the_debt)s"))
        return [
            Question(
                field=self["invoice"],
                label=words.number_name or said(_("Numéro %(of_the_debt)s")),
                hint=_("tel qu’il est imprimé, par exemple %(example)s") % {"example": words.pattern.example}
                if words.pattern
                else hint,
                mark=1,
                inputmode="text",
            )
        ]

    @property
    def example(self) -> list[str]:
        words = self.words
        return [words.pattern.example if words.pattern else "20260012345"]

    @staticmethod
    def as_typed(reference: DebtReference) -> dict[str, str]:
        return {"invoice": reference.printed}

    def say_not_found(self) -> None:
        """Our own base has no such invoice: which of the two is wrong, nobody is told."""
        if self.is_foreign:
            self._say_foreign()
            return
        for field in ("invoice", self.key_field):
            self.add_error(field, ValidationError(NOT_FOUND_BY_KEY if self.is_keyed else NOT_FOUND, code="R032"))

    def _say_foreign(self) -> None:
        foreign = said(_("Ce n’est pas le numéro %(of_a_debt)s d’ici : recopiez-le caractère par caractère."))
        self.add_error("invoice", ValidationError(foreign, code="R031"))

    def clean_amount(self) -> Money | None:  # type: ignore[override]
        """Where the key stands for it, what was typed beside it, or None: it is only compared with what is due."""
        if self.is_keyed:
            try:
                return Money.parse(self.cleaned_data["amount"])
            except UnreadableAmount:
                return None
        if self.asks_key and not self.cleaned_data["amount"].strip():
            raise ValidationError(AMOUNT_OR_KEY, code="R022")
        return super().clean_amount()

    def clean_key(self) -> str:
        if not self.is_keyed:
            return ""
        try:
            return read_key(typed_key(self.data))
        except UnreadableKey:
            raise ValidationError(KEY_UNREADABLE, code="R034") from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.is_foreign and self.errors:  # nothing will be looked up: say it with the rest
            self._say_foreign()
        return cleaned

    def _reference(self, typed: dict[str, str]) -> DebtReference | None:
        try:
            reference = InvoiceReference.parse(typed["invoice"])
        except UnreadableReference as unreadable:
            sentence = INVOICE_WRONG.get(unreadable.reason, INVOICE_USUAL)
            self.add_error("invoice", ValidationError(sentence, code="R030"))
            return None
        fitting = self.words.fit(reference.number)
        if fitting is None and self.asks_key and self.reads_elsewhere:
            self.is_foreign = True
            return reference
        if fitting is None:
            self._say_foreign()
            return None
        return InvoiceReference(fitting)


class OneMoreForm(InvoiceForm):
    """Another invoice of the same payment: whoever pays has said already who he is."""

    email = None  # type: ignore[assignment]

    def __init__(self, data: Mapping[str, str] | None = None, *, product: Product, latest: int) -> None:
        super().__init__(data, product=product, latest=latest)
        self.fields = {name: field for name, field in self.fields.items() if name not in LINES}

    @cached_property
    def reference_questions(self) -> list[Question]:
        """Its number; no picture of a notice stands beside it."""
        return [replace(question, mark=0) for question in super().reference_questions]

    @cached_property
    def other_questions(self) -> list[Question]:
        """The amount, or the key; no picture either."""
        return [replace(question, mark=0) for question in self.money_questions]

    def say_not_payable(
        self, found: LookUp, *, town: Collectivite, since: datetime | None, until: datetime | None
    ) -> None:
        """To whoever typed both its number and its amount, or its key: what its own page would say of it."""
        if found.situation is Situation.PAID and since is not None:
            day = in_words.day(paris.today(since))
            sentence = said(_("%(This_debt)s est déjà payé%(e)s depuis le %(day)s : il n’y a rien à ajouter."), day=day)
        elif found.is_pending:
            sentence = said(PENDING)
        elif found.situation is Situation.HELD and until is not None:
            hour = paris.format_hour_en(until) if in_words.is_english() else paris.format_hour_fr(until)
            sentence = said(
                _(
                    "Un paiement %(of_this_debt)s est en cours sur un autre écran. S’il n’aboutit pas, %(it)s sera de"
                    " nouveau payable ici, au plus tard à %(hour)s."
                ),
                hour=hour,
            )
        else:
            sentence = said(STOPPED.get(found.situation, STOPPED[Situation.SUSPENDED]))
        if found.note:
            told = _("%(name)s vous dit :") % {"name": town.name}
            sentence = format_html('{} {} <span lang="fr">{}</span>', sentence, told, found.note)
        if found.situation is Situation.TRANSFERRED and town.treasury_note:
            sentence = format_html('{} <span lang="fr">{}</span>', sentence, town.treasury_note)
        elif found.situation is Situation.TRANSFERRED:
            sentence = format_html("{} {}", sentence, TO_THE_TREASURY)
        self.add_error("invoice", ValidationError(sentence, code="R041"))

    def say_elsewhere(self, form_name: str) -> None:
        """The comptable collects it, by a form of its own; "" where it is not paid online now."""
        if form_name:
            sentence = _("C’est un avis du comptable public : il se paie à part, par le formulaire « %(name)s ».")
            self.add_error("invoice", ValidationError(sentence, code="R041", params={"name": form_name}))
            return
        sentence = _(
            "C’est un avis du comptable public, et il ne se paie pas ici en ce moment : suivez ce qui est imprimé"
            " dessus."
        )
        self.add_error("invoice", ValidationError(sentence, code="R041"))

    def say_listed(self) -> None:
        """It is paid already by this very payment."""
        sentence = said(_("%(This_debt)s est déjà dans la liste."))
        self.add_error("invoice", ValidationError(sentence, code="R040"))


class EmailForm(forms.Form):
    """All that is asked of who begins again from an attempt's own page, whose address holds no personal data.

    And the address, where the contract asks for it: nobody kept it.
    """

    use_required_attribute = False
    email = forms.CharField(required=False, max_length=254)

    def __init__(self, data: Mapping[str, str] | None = None, *, account: GatewayAccount) -> None:
        super().__init__(data)
        self.fields["email"].error_messages |= {"max_length": TOO_LONG, "null_characters_not_allowed": NOT_TYPED}
        if asks_address(account):
            self.fields |= address_fields()

    @cached_property
    def question(self) -> Question:
        """Where the ticket goes."""
        return email_question(self)

    @cached_property
    def address_questions(self) -> list[Question]:
        """As of a `DebtForm`."""
        return address_questions(self)

    @property
    def wrong(self) -> list[dict[str, str]]:
        """As of a `DebtForm`."""
        return [{"field": field.name, "message": str(message)} for field in self for message in field.errors]

    def accuse(self, reason: str) -> bool:
        """As of a `DebtForm`."""
        field, sentence = REFUSED.get(reason, ("", ""))
        if field == "email":
            self.add_error("email", ValidationError(sentence, code="R103"))
        return field == "email"

    def clean_email(self) -> str:
        return read_email(self.cleaned_data["email"])


FORMS: dict[DebtKind, type[DebtForm]] = {form.kind: form for form in (TitreForm, OrmcForm, InvoiceForm)}
