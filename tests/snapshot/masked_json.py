"""Snapshots of templates, in which what always differs is masked."""

from __future__ import annotations

import re

from syrupy.extensions.json import JSONSnapshotExtension
from syrupy.types import PropertyFilter, PropertyMatcher, SerializableData


class MaskedJson(JSONSnapshotExtension):
    """JSON without what differs when the model or the account does: digests, what is named after them, accounts."""

    def serialize(
        self,
        data: SerializableData,
        *,
        exclude: PropertyFilter | None = None,
        include: PropertyFilter | None = None,
        matcher: PropertyMatcher | None = None,
    ) -> str:
        text = str(super().serialize(data, exclude=exclude, include=include, matcher=matcher))
        text = re.sub(r"\b[0-9a-f]{64}\b", "<digest>", text)
        text = re.sub(r"ModelAccess[0-9a-f]{8}([0-9A-F]{8})?", "ModelAccess<digest>", text)
        return re.sub(r"\b[0-9]{12}\b", "<account>", text)
