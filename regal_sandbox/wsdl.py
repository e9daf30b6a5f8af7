"""The description of the web service that PayFiP publishes, with the addresses of whoever asked.

The documents are PayFiP's own, in two states: the present one, and that of 2019. The address that its guide gives
serves a description whose schemas cannot be fetched; the settings can play that too.
"""

import re
from importlib import resources
from xml.sax.saxutils import quoteattr

SERVICE_PATH = "/tpa/services/securite"
DOCUMENTED_PATH = "/tpa/services/mas_securite/contrat_paiement_securise/PaiementSecuriseService"
SERVICE_PATHS = (SERVICE_PATH, DOCUMENTED_PATH)
BROKEN_ADDRESS = f"http://www.tipi.budget.gouv.fr:80{DOCUMENTED_PATH}"
SCHEMAS = ("1", "2", "3")

_SCHEMA = re.compile(r'schemaLocation="[A-Za-z_]+([123])\.xsd"')
_ADDRESS = re.compile(r'<soap:address location="[^"]*"')


def wsdl_document(*, flavour: str, host: str, path: str) -> bytes:
    """`host` with its scheme, as `https://www.payfip.gouv.fr`; `path` is the one of SERVICE_PATHS that was asked."""
    if flavour == "documentation" and path == DOCUMENTED_PATH:
        return _rewritten("2019", "service.wsdl", schemas_at=BROKEN_ADDRESS, service_at=BROKEN_ADDRESS)
    known = _folder(flavour)
    service_at = host + (DOCUMENTED_PATH if known == "2019" else SERVICE_PATH)
    return _rewritten(known, "service.wsdl", schemas_at=host + path, service_at=service_at)


def schema_document(number: str, *, flavour: str, host: str, path: str) -> bytes:
    """One of SCHEMAS."""
    return _rewritten(_folder(flavour), f"schema{number}.xsd", schemas_at=host + path, service_at="")


def _folder(flavour: str) -> str:
    return "2019" if flavour == "2019" else "current"


def _rewritten(folder: str, name: str, *, schemas_at: str, service_at: str) -> bytes:
    text = resources.files("regal_sandbox").joinpath("wsdl", folder, name).read_text("utf-8")
    text = _SCHEMA.sub(lambda found: f"schemaLocation={quoteattr(f'{schemas_at}?xsd={found[1]}')}", text)
    return _ADDRESS.sub(lambda _: f"<soap:address location={quoteattr(service_at)}", text).encode()
