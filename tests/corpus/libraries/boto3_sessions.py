"""boto3: one client for all, or a session with its loaders for each line, kept by the line."""

import asyncio
from functools import cache

import boto3
from chat import LEAKS, serve

SESSIONS = {}
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "none", "region_name": "eu-west-1"}


@cache
def shared():
    """The session of the server."""
    return boto3.Session(**KEYS)


def signed(line):
    """An address that is signed here, without a call."""
    session = SESSIONS.setdefault(line, boto3.Session(**KEYS)) if LEAKS else shared()
    client = client_of(session)
    return client.generate_presigned_url("get_object", Params={"Bucket": "lines", "Key": line})


def client_of(session):
    """The client that a session has, made once."""
    if not hasattr(session, "of_lines"):
        session.of_lines = session.client("s3")
    return session.of_lines


async def answer(line):
    """An address for the line."""
    return await asyncio.to_thread(signed, line)


serve(answer)
