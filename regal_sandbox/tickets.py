"""The payment ticket sent by e-mail: to the payer, and to the comptable or régisseur when the client names him."""

import sqlite3
from email.message import EmailMessage
from email.policy import SMTP

from regal_sandbox.amounts import euros
from regal_sandbox.clients import Client
from regal_sandbox.means import MEANS
from regal_sandbox.paris import in_paris
from regal_sandbox.references import printed
from regal_sandbox.settings import Settings
from regal_sandbox.store import stamp
from regal_sandbox.transaction import Transaction
from regal_sandbox.world import World


def ticket_lines(transaction: Transaction, client: Client) -> list[tuple[str, str]]:
    """What the ticket says, as pairs of label and value, on the page and in the e-mail alike."""
    if transaction.decided_at is None:
        raise ValueError("no ticket without outcome")
    decided = in_paris(transaction.decided_at)
    lines = [
        ("Collectivité", " – ".join(label for label in client.labels if label) or transaction.numcli),
        ("Identifiant de la collectivité", transaction.numcli),
        ("Référence de la dette", printed(transaction.refdet, client.kind)),
        ("Objet", transaction.objet),
        ("Montant", euros(transaction.montant)),
        ("Date et heure", f"{decided:%d/%m/%Y} à {decided:%H} h {decided:%M}"),
        ("Moyen de paiement", MEANS[transaction.means].label),
        ("Numéro d’autorisation", transaction.numauto),
        ("Adresse électronique", transaction.mel),
    ]
    return [(label, value) for label, value in lines if value]


def build_ticket(
    transaction: Transaction, client: Client, *, sender: str, recipient: str, message_id: str
) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = f"Bac à sable – Ticket de paiement – {euros(transaction.montant)}"
    message["Date"] = transaction.decided_at
    message["Message-ID"] = f"<{message_id}@bac-a-sable.invalid>"
    told = "\n".join(f"{label} : {value}" for label, value in ticket_lines(transaction, client))
    message.set_content(
        "Bac à sable : aucune carte n’a été débitée, aucun compte prélevé, aucune somme n’est due ni versée.\n\n"
        f"Votre paiement a été enregistré.\n\n{told}\n\n"
        "Conservez ce ticket. Il ne vaut pas quittance.\n"
    )
    return message


def plan_tickets(
    world: World, db: sqlite3.Connection, transaction: Transaction, client: Client, settings: Settings
) -> None:
    recipients = [transaction.mel]
    if client.options.ticket_copy_to:
        recipients.append(client.options.ticket_copy_to)
    for position, recipient in enumerate(recipients):
        message = build_ticket(
            transaction,
            client,
            sender=settings.mail_from,
            recipient=recipient,
            message_id=world.draw(f"ticket-{position}", transaction.id)[:24],
        )
        db.execute(
            "INSERT INTO outgoing_mails (transaction_id, recipient, raw, due_at, state) VALUES (?, ?, ?, ?, 'pending')",
            (transaction.id, recipient, message.as_bytes(), stamp(world.now())),
        )
