"""Files that look like secrets, and so do not belong in an archive that others read.

A name is enough for most. A ``.pem`` or ``.key`` may be public (a certificate) or no key at all (a tokenizer's), so its
beginning is read.
"""

from __future__ import annotations

import re
from pathlib import Path

_DIRECTORIES = frozenset({".aws", ".azure", ".docker", ".gnupg", ".kube", ".ssh"})
_NAMES = re.compile(
    r"\.env(?!\.(example|sample|template|dist)$)(\..+)?|\.envrc"
    r"|[._]netrc|\.pypirc|\.npmrc|\.git-credentials|\.dockercfg|\.htpasswd|\.pgpass"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_sk)?"
    r"|credentials(\.(json|csv|ini|ya?ml))?|(.+_)?accesskeys\.csv"
    r"|client_secrets?.*\.json|service[-_]?account.*\.json"
    r"|.+\.(p12|pfx|jks|keystore|ppk|kdbx)",
    re.IGNORECASE,
)
_KEYS = (".pem", ".key")
_PRIVATE = b"PRIVATE KEY-----"
_READ = 64 << 10


def holds_credentials(name: str) -> bool:
    """Tell whether a directory of this name is where a tool keeps credentials."""
    return name in _DIRECTORIES


def is_secret(name: str, path: str) -> bool:
    """Tell whether a file looks like a secret.

    Parameters
    ----------
    name
        Its own name, without directories.
    path
        Where it is, to be read when the name does not decide.

    Raises
    ------
    OSError
        If it had to be read and cannot be.
    """
    if name.lower().endswith(_KEYS):
        with Path(path).open("rb") as file:
            return _PRIVATE in file.read(_READ)
    return _NAMES.fullmatch(name) is not None
