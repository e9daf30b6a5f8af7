"""The accounting files that confirm what PayFiP took. Facts: `docs/protocols/payfip.md`, "Files".

reading.py        looks at the bytes and says what they are
pes_retour.py     PES Retour Recette, for titres and rôles
regisseur_csv.py  the régisseur's statement, for a régie
refusals.py       the sentences for what is no such file
"""

from regal.gateways.payfip_files.pes_retour import read_pes_retour
from regal.gateways.payfip_files.reading import read_file
from regal.gateways.payfip_files.refusals import sentence_of
from regal.gateways.payfip_files.regisseur_csv import CsvOptions

__all__ = ["CsvOptions", "read_file", "read_pes_retour", "sentence_of"]
