"""A local certificate authority, so that a client may reach the sandbox over https under PayFiP's and Paybox's names.

Whoever trusts it trusts it for these names alone: its certificate says so. Its key never leaves the folder.
"""

import os
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PAYBOX = ("tpeweb", "tpeweb1", "preprod-tpeweb", "recette-tpeweb", "ppps", "ppps1", "preprod-ppps", "recette-ppps")
HOSTS = (
    "www.payfip.gouv.fr",
    "www.tipi.budget.gouv.fr",
    "www.tipi-client.budget.gouv.fr",
    "localhost",
    *(f"{host}.{domain}" for domain in ("paybox.com", "e-transactions.fr") for host in _PAYBOX),
)
ADDRESSES = ("127.0.0.1", "::1")
AUTHORITY_DAYS = 3650
SERVER_DAYS = 90
DAY = timedelta(days=1)

CERTIFICATE_FILE = "authority.pem"
KEY_FILE = "authority-key.pem"
SERVER_FILE = "server.pem"

Key = ec.EllipticCurvePrivateKey


def prepare(folder: Path, *, now: datetime, expired: bool = False) -> Path:
    """The file with the server's key and certificate, fresh, of the authority that the folder holds, made if need be.

    `expired`: a certificate of last year, for whoever wants to see it refused. Raises OSError or ValueError when the
    folder cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / KEY_FILE).exists():
        key = load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
        authority = x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes())
        if not isinstance(key, Key):
            raise ValueError(f"{folder / KEY_FILE}: not the key of an authority that the sandbox made")
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = _make_authority(key, now)
        _write(folder / KEY_FILE, _private(key))
        _write(folder / CERTIFICATE_FILE, authority.public_bytes(Encoding.PEM), mode=0o644)
    begins = now - 400 * DAY if expired else now - DAY
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = _make_server(server_key, authority, key, begins)
    _write(folder / SERVER_FILE, _private(server_key) + server.public_bytes(Encoding.PEM))
    return folder / SERVER_FILE


def _make_authority(key: Key, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bac à sable PayFiP, autorité locale")])
    addresses = [x509.IPAddress(IPv4Network("127.0.0.1/32")), x509.IPAddress(IPv6Network("::1/128"))]
    constraints = x509.NameConstraints([*map(x509.DNSName, HOSTS), *addresses], excluded_subtrees=None)
    public = key.public_key()
    return (
        _certificate(name, name, public, now - DAY, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _make_server(key: Key, authority: x509.Certificate, authority_key: Key, begins: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTS[0])])
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    vouched = {one.value for one in constraints.permitted_subtrees or [] if isinstance(one, x509.DNSName)}
    hosts = [host for host in HOSTS if host in vouched]  # an authority made earlier vouches for fewer
    names = [*map(x509.DNSName, hosts), *(x509.IPAddress(ip_address(one)) for one in ADDRESSES)]
    return (
        _certificate(name, authority.subject, key.public_key(), begins, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + days * DAY)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
    fresh.replace(file)
