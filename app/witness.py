"""The witness: an application of its own, which cosigns the checkpoints of logs (C2SP tlog-witness)."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.core.config import settings
from app.core.runtime import logging
from app.modules.audit.seal.add_checkpoint import MAX_REQUEST_BYTES, PATH, SIZE_TYPE, AddCheckpoint, InvalidRequest
from app.modules.audit.seal.checkpoint import Cosigner
from app.modules.audit.seal.newest import CorruptState, NewestCheckpoints
from app.modules.audit.seal.note import UnusableKey, Unverified, VerifierKey
from app.modules.audit.seal.proofs import InvalidProof
from app.modules.audit.seal.witness_rules import SizeConflict, UnknownOrigin, WitnessRules

log = structlog.get_logger(__name__)

WITNESS_ERRORS = (UnusableKey, CorruptState, OSError)
"""Why a witness cannot start."""
BODY_SECONDS = 10.0
STATUS: dict[type[Exception], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    Unverified: HTTPStatus.FORBIDDEN,
    UnknownOrigin: HTTPStatus.NOT_FOUND,
    InvalidProof: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class BodyRefused(Exception):
    """A body is too long, or takes too long."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


def load_rules(key: Path, name: str, logs: Iterable[str], state: Path) -> WitnessRules:
    """The rules of a witness from what its command is given. Raises WITNESS_ERRORS."""
    return WitnessRules(Cosigner.load(key, name), map(VerifierKey.parse, logs), NewestCheckpoints(state))


def load_witness(key: Path, name: str, logs: Iterable[str], state: Path) -> Starlette:
    """The application of a worker. Raises as `load_rules`."""
    logging.configure(settings())
    return create_witness(load_rules(key, name, logs, state))


def create_witness(rules: WitnessRules) -> Starlette:
    """An application that answers as `rules` say."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await read_body(request)
            signature = await run_in_threadpool(lambda: rules.add(AddCheckpoint.parse(body)))
        except BodyRefused as error:
            return PlainTextResponse(f"{error}\n", error.status, headers={"Connection": "close"})
        except SizeConflict as error:
            log.warning("witness_conflict", size=error.size)
            return Response(f"{error.size}\n", HTTPStatus.CONFLICT, headers={"Content-Type": SIZE_TYPE})
        except tuple(STATUS) as error:
            log.warning("witness_refused", cause=str(error))
            return PlainTextResponse(f"{error}\n", STATUS[type(error)])
        except (CorruptState, OSError) as error:
            log.error("witness_failed", cause=str(error))
            return PlainTextResponse("The witness cannot use its state.\n", HTTPStatus.INTERNAL_SERVER_ERROR)
        return PlainTextResponse(f"{signature}\n")

    return Starlette(routes=[Route(PATH, add_checkpoint, methods=["POST"])])


async def read_body(request: Request) -> bytes:
    """The body, if it is complete in time and not too long. Raises BodyRefused."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_REQUEST_BYTES:
                    raise BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except TimeoutError as error:
        raise BodyRefused(HTTPStatus.REQUEST_TIMEOUT) from error
    except ClientDisconnect as error:
        raise BodyRefused(HTTPStatus.BAD_REQUEST) from error
    return bytes(body)
