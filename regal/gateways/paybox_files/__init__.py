"""The files that say what Paybox sent to the bank. Facts: `docs/protocols/paybox.md`, "Remise files".

remise.py    the daily file of the remises
refusals.py  the sentences for what is no such file
"""

from regal.gateways.paybox_files.refusals import sentence_of
from regal.gateways.paybox_files.remise import is_of_paybox, read_remise

__all__ = ["is_of_paybox", "read_remise", "sentence_of"]
