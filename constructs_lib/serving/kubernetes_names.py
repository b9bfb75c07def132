"""Which names, labels and taints Kubernetes takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from constructs_lib.serving.problems import Problem

ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
"""Kubernetes' names (the label ``kubernetes.io/arch``) of what EC2 calls ``x86_64`` and ``arm64``."""
# kubernetes/apimachinery pkg/util/validation: IsDNS1123Label, IsDNS1123Subdomain, IsQualifiedName, IsValidLabelValue.
LABEL_MAX = 63
_SUBDOMAIN_MAX = 253
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def dns_label_problem(name: str, *, most: int = LABEL_MAX) -> str | None:
    """Say what is wrong with the name of an object whose name is a DNS-1123 label, such as a namespace or a Service.

    Parameters
    ----------
    name
        The name.
    most
        How many characters it may have.

    Returns
    -------
    str or None
        What is wrong and what would be right; None when Kubernetes takes the name.
    """
    if _DNS_LABEL.fullmatch(name) and len(name) <= most:
        return None
    suggestion = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:most].strip("-")
    hint = f"; for example '{suggestion}'" if suggestion else ""
    allowed = f"1 to {most} lower-case letters, digits and hyphens, with no hyphen at either end"
    return f"is '{name}' ({len(name)} characters), but Kubernetes (DNS-1123) allows {allowed}{hint}"


def label_key_problem(key: str) -> str | None:
    """Say what is wrong with the key of a label, a taint or an annotation; None when Kubernetes takes it."""
    prefix, slash, name = key.rpartition("/")
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= _SUBDOMAIN_MAX):
        return f"'{key}' has a prefix that is no DNS name; write it like 'example.com/{name or 'name'}'"
    if not (_NAME.fullmatch(name) and len(name) <= LABEL_MAX):
        return (
            f"'{key}' is no key: Kubernetes allows 1 to {LABEL_MAX} letters, digits, '-', '_' and '.', with a letter "
            "or digit at either end, after an optional prefix such as 'example.com/'"
        )
    return None


def label_value_problem(value: str) -> str | None:
    """Say what is wrong with the value of a label or a taint; None when Kubernetes takes it."""
    if not value or (_NAME.fullmatch(value) and len(value) <= LABEL_MAX):
        return None
    return (
        f"'{value}' is no value: Kubernetes allows at most {LABEL_MAX} letters, digits, '-', '_' and '.', with a "
        "letter or digit at either end"
    )


def label_problems(field: str, labels: Mapping[str, str]) -> Iterator[Problem]:
    """Check that labels are such as Kubernetes takes.

    Parameters
    ----------
    field
        The field that holds them.
    labels
        Values by key.
    """
    for key, value in labels.items():
        if wrong := label_key_problem(key):
            yield Problem(f"{field}.{key}", wrong)
        if wrong := label_value_problem(value):
            yield Problem(f"{field}.{key}", wrong)
