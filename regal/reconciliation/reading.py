"""From bytes to payments, whoever made the file: `gateways/payfip_files` and `gateways/paybox_files` read."""

from regal.gateways import paybox_files, payfip_files
from regal.gateways.files import NotThisFile, PaymentsFile
from regal.gateways.paybox_files.refusals import SENTENCES as OF_PAYBOX
from regal.gateways.paybox_files.remise import MAX_BYTES


def read(content: bytes, *, options: payfip_files.CsvOptions | None = None) -> PaymentsFile:
    """Read a file, whatever its kind; `options` are those of a régisseur's statement. Raises NotThisFile."""
    if len(content) <= MAX_BYTES and paybox_files.is_of_paybox(content):
        return paybox_files.read_remise(content)
    return payfip_files.read_file(content, options=options)


def sentence_of(refusal: NotThisFile) -> str:
    """What to tell whoever sent the file, with the code that support can search for."""
    of_paybox = refusal.code in OF_PAYBOX
    return paybox_files.sentence_of(refusal) if of_paybox else payfip_files.sentence_of(refusal)
