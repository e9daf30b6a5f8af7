"""What Paybox writes: the payer's ticket, and the warning to a merchant whose site did not answer."""

import sqlite3
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP

from regal_sandbox.amounts import euros
from regal_sandbox.paris import in_paris
from regal_sandbox.paybox_merchants import Merchant
from regal_sandbox.paybox_payment import Payment, Try
from regal_sandbox.paybox_words import FRENCH
from regal_sandbox.settings import read_settings
from regal_sandbox.store import stamp
from regal_sandbox.world import World

NOWHERE = "commercant-{key}@bac-a-sable.invalid"  # of a merchant without an address: the mailbox shows it all the same


def amount_of(payment: Payment) -> str:
    """In euros as French writes them, or with the number of another currency."""
    if payment.get("PBX_DEVISE") == "978":
        return euros(payment.amount_cents)
    return f"{payment.amount_cents} (devise {payment.get('PBX_DEVISE')})"


def ticket_lines(
    payment: Payment, merchant: Merchant, made: Try, *, amount: str, said: Mapping[str, object] = FRENCH
) -> list[tuple[str, str]]:
    """What the ticket says: on the page in the payer's language, in the e-mail in French."""
    card = f"{made.card.get('type', '')} {said['ending_with']} {made.card['last4'][-2:]}" if made.card else ""
    lines = {
        "merchant": payment.get("PBX_NOM_MARCHAND") or merchant.name,
        "contract": merchant.key,
        "reference": payment.reference,
        "amount": amount,
        "moment": f"{in_paris(made.at):{said['moment_as']}}",
        "paid_with": card,
        "authorisation": made.authorisation,
        "transaction": str(made.trans),
    }
    return [(str(said[name]), value) for name, value in lines.items() if value]


def plan_ticket(world: World, db: sqlite3.Connection, payment: Payment, merchant: Merchant, made: Try) -> None:
    told = "\n".join(
        f"{label} : {value}" for label, value in ticket_lines(payment, merchant, made, amount=amount_of(payment))
    )
    plan_mail(
        world,
        db,
        payment.id,
        recipient=payment.get("PBX_PORTEUR"),
        subject=f"Ticket de paiement – {amount_of(payment)}",
        text="Bac à sable : aucune carte n’a été débitée, aucune somme n’est due ni versée.\n\n"
        f"Votre paiement a été accepté.\n\n{told}\n\nConservez ce ticket. Il ne vaut pas quittance.\n",
        about=f"ticket-{made.id}",
    )


def plan_warning(
    world: World,
    db: sqlite3.Connection,
    payment: Payment,
    merchant: Merchant,
    *,
    url: str,
    variables: str,
    status: int,
    curl: int,
) -> None:
    """In both wordings known, the older one first."""
    cause = f"code HTTP : {status}" if status else f"code http : 0 – code curl : {curl}"
    plan_mail(
        world,
        db,
        payment.id,
        recipient=merchant.email or NOWHERE.format(key=merchant.key),
        subject="WARNING – votre site n’a pas répondu",
        text="Bac à sable : ceci imite le message d’avertissement de la plateforme de paiement.\n\n"
        f"WARNING: Impossible de joindre {url} pour le paiement {variables} ({status}-{curl})\n\n"
        f"Erreur : {cause}\n\n"
        "Le résultat de ce paiement n’a pas été remis à votre site, et ne le sera pas une seconde fois.\n",
        about=f"warning-{payment.id}-{variables[:2000]}",
    )


def plan_mail(
    world: World, db: sqlite3.Connection, payment_id: int | None, *, recipient: str, subject: str, text: str, about: str
) -> None:
    """`about` makes its Message-ID, the same for the same seed."""
    message = EmailMessage(policy=SMTP)
    message["From"] = read_settings(db).mail_from
    message["To"] = recipient
    message["Subject"] = f"Bac à sable – {subject}"
    message["Date"] = world.now()
    message["Message-ID"] = f"<{world.draw(about, payment_id or 0)[:24]}@bac-a-sable.invalid>"
    message.set_content(text)
    db.execute(
        "INSERT INTO outgoing_mails (payment_id, recipient, raw, due_at, state) VALUES (?, ?, ?, ?, 'pending')",
        (payment_id, recipient, message.as_bytes(), stamp(world.now())),
    )
