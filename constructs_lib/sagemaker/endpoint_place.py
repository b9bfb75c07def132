"""In which account and region an endpoint is, and what can be done with it from another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from constructs import Construct

from constructs_lib.sagemaker.metrics import MetricOptions
from constructs_lib.sagemaker.permissions import Place
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.problems import Problem, is_token

if TYPE_CHECKING:
    from constructs_lib.sagemaker.endpoint_interface import IEndpoint


def place_of(endpoint: IEndpoint | Construct) -> Place | None:
    """Give where an endpoint is: that of its stack, or of its ARN. None: its whole ARN is a token.

    Parameters
    ----------
    endpoint
        An endpoint, or another construct that is made where its endpoint is.
    """
    if isinstance(endpoint, Construct):
        return StackFacts.of(endpoint).place
    parts = endpoint.endpoint_arn.split(":", 5)
    return None if is_token(parts[0]) else Place(partition=parts[1], region=parts[3], account=parts[4])


def metric_place(place: Place | None) -> MetricOptions:
    """Give account and region of a metric, as far as they are known; an alarm elsewhere has to name or refuse them."""
    found: MetricOptions = {}
    if place is not None and not is_token(place.region):
        found["region"] = place.region
    if place is not None and not is_token(place.account):
        found["account"] = place.account
    return found


def elsewhere_problems(name: str, endpoint: IEndpoint | Construct, place: Place) -> Iterator[Problem]:
    """Check that an endpoint is not known to be in another account or region, whose metrics cannot be watched here.

    Parameters
    ----------
    name
        The field that the endpoint was given as.
    endpoint
        The endpoint.
    place
        Where it is to be watched.
    """
    its = place_of(endpoint) or place
    pairs = ((its.region, place.region), (its.account, place.account))
    if any(there != here and not is_token(there) and not is_token(here) for there, here in pairs):
        yield Problem(
            name,
            f"is in {its.region} of account {its.account}, and its metrics are not in {place.region} of account "
            f"{place.account}; define this in a stack of the endpoint's own account and region",
        )
