"""The HMAC by which a merchant signs what he sends, to the payment page and to Paybox Direct alike."""

import hashlib
import hmac

ALGORITHMS = {
    "SHA512": "sha512",
    "SHA384": "sha384",
    "SHA256": "sha256",
    "SHA224": "sha224",
    "RIPEMD160": "ripemd160",
    "MDC2": "mdc2",
}


def sign_request(text: bytes, *, key: str, algorithm: str = "SHA512") -> str:
    """In capitals. Raises ValueError for an algorithm that is unknown, or that this machine's library lacks."""
    name = ALGORITHMS.get(algorithm.upper() or "SHA512")
    if name is None or name not in hashlib.algorithms_available:
        raise ValueError(algorithm)
    return hmac.new(bytes.fromhex(key), text, name).hexdigest().upper()


def good_hmac(text: bytes, told: str, *, key: str, algorithm: str) -> bool:
    """In capitals or not; without algorithm, SHA512."""
    try:
        expected = sign_request(text, key=key, algorithm=algorithm)
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), told.upper().encode())
