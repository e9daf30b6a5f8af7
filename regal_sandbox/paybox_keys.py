"""The sandbox's own key pair, which signs for every merchant, as Verifone's one does for the whole platform.

RSA of 1,024 bits, SHA-1, PKCS#1 v1.5: what clients expect, and what some policies of cryptographic libraries forbid.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

BITS = 1024
EXPONENT = 65537
PRIVATE_FILE = "paybox-key.pem"
PUBLIC_FILE = "paybox-pubkey.pem"


class KeyUnusable(Exception):
    """The key cannot be read, or the library of this machine does not let it sign. The message is for the operator."""


class PlatformKey:
    """Made once, then kept in `folder`; without one, in memory. Made when it is first needed."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._key: RSAPrivateKey | None = None

    def sign(self, text: str) -> bytes:
        """128 bytes. Raises KeyUnusable."""
        from cryptography.hazmat.primitives import hashes  # slow to import, and PayFiP's half does without
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            return self._private().sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - theirs
        except Exception as problem:  # the library says no in many ways
            if isinstance(problem, KeyUnusable):
                raise
            raise KeyUnusable(f"this machine refuses to sign with RSA {BITS} and SHA-1 ({problem})") from None

    def public_pem(self) -> str:
        """SubjectPublicKeyInfo, `-----BEGIN PUBLIC KEY-----`."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._private().public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def check(self) -> None:
        """Raises KeyUnusable when nothing could be signed."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        signature = self.sign("essai")
        try:
            self._private().public_key().verify(signature, b"essai", padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        except InvalidSignature:
            raise KeyUnusable("a signature made here cannot be verified here") from None

    def _private(self) -> "RSAPrivateKey":
        if self._key is None:
            self._key = self._make() if self._folder is None else self._read_or_make(self._folder)
        return self._key

    def _make(self) -> "RSAPrivateKey":
        from cryptography.hazmat.primitives.asymmetric import rsa

        try:
            return rsa.generate_private_key(EXPONENT, BITS)
        except Exception as problem:
            raise KeyUnusable(f"this machine refuses to make a key of RSA {BITS} ({problem})") from None

    def _read_or_make(self, folder: Path) -> "RSAPrivateKey":
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
            PublicFormat,
            load_pem_private_key,
        )

        file = folder / PRIVATE_FILE
        if file.exists():
            try:
                key = load_pem_private_key(file.read_bytes(), None)
            except ValueError as problem:
                raise KeyUnusable(f"{file}: {problem}") from None
            if not isinstance(key, RSAPrivateKey) or key.key_size != BITS:
                raise KeyUnusable(f"{file}: not a key that the sandbox made")
        else:
            key = self._make()
            _write(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        _write(folder / PUBLIC_FILE, public, 0o644)
        return key


def _write(file: Path, content: bytes, mode: int) -> None:
    """The whole content, or the former one."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
