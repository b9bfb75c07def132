"""Sends one held-out digit to the API, signed with the AWS credentials of this shell.

    python examples/api/call.py URL

The URL is the stack's output `digitsApiUrl`. With `AWS_ENDPOINT_URL` set, it is called on local AWS.
"""

import argparse
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HELD_OUT = Path(__file__).resolve().parents[1] / "digits" / "heldout.csv"


def signed_request(url: str, body: bytes, credentials: Credentials, region: str) -> urllib.request.Request:
    """Make a request that API Gateway knows the sender of.

    Parameters
    ----------
    url
        Where it goes.
    body
        Rows of pixels, as CSV.
    credentials
        Whose it is.
    region
        The API's region.
    """
    request = AWSRequest("POST", url, headers={"Content-Type": "text/csv", "Accept": "application/json"}, data=body)
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    return urllib.request.Request(url, data=body, headers=dict(request.headers.items()))  # noqa: S310  the user's URL


def address(url: str) -> str:
    """Give where local AWS serves an API, when it is local AWS that this shell uses."""
    local = os.environ.get("AWS_ENDPOINT_URL")
    if not local:
        return url
    parts = urlsplit(url)
    return f"{local}/_aws/execute-api/{parts.netloc.partition('.')[0]}{parts.path}"


def main() -> None:
    """Print the API's answer."""
    parser = argparse.ArgumentParser(description="Send one held-out digit to the API.")
    parser.add_argument("url", metavar="URL", help="the stack's output digitsApiUrl")
    url = address(parser.parse_args().url)
    label, _, pixels = HELD_OUT.read_text(encoding="utf-8").partition("\n")[0].partition(",")
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None or session.region_name is None:
        sys.exit("this shell has no AWS credentials or no region; set AWS_PROFILE, or AWS_REGION and the like")
    request = signed_request(url, pixels.encode(), credentials, session.region_name)
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  the user's URL
            print(f"a {label}: {answer.read().decode()}")
    except urllib.error.HTTPError as error:
        sys.exit(f"{url} answered {error.code}: {error.read().decode()}")


if __name__ == "__main__":
    main()
