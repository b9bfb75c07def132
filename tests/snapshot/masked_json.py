"""Snapshots of templates, in which what always differs is masked."""

from __future__ import annotations

import re
from typing import ClassVar

from syrupy.extensions.json import JSONSnapshotExtension
from syrupy.types import PropertyFilter, PropertyMatcher, SerializableData

_DIGEST = (r"\b[0-9a-f]{64}\b", "<digest>")
_POLICY = (r"ModelAccess[0-9a-f]{8}([0-9A-F]{8})?", "ModelAccess<digest>")
_ACCOUNT = (r"\b[0-9]{12}\b", "<account>")


class WithoutDigests(JSONSnapshotExtension):
    """JSON without the digests of assets."""

    MASKS: ClassVar[tuple[tuple[str, str], ...]] = (_DIGEST,)

    def serialize(
        self,
        data: SerializableData,
        *,
        exclude: PropertyFilter | None = None,
        include: PropertyFilter | None = None,
        matcher: PropertyMatcher | None = None,
    ) -> str:
        text = str(super().serialize(data, exclude=exclude, include=include, matcher=matcher))
        for pattern, mask in self.MASKS:
            text = re.sub(pattern, mask, text)
        return text


class WithoutPolicies(WithoutDigests):
    """JSON without digests of assets, and of what a role may do."""

    MASKS = (_DIGEST, _POLICY)


class MaskedJson(WithoutDigests):
    """JSON without what differs when the model or the account does: digests, what is named after them, accounts."""

    MASKS = (_DIGEST, _POLICY, _ACCOUNT)
