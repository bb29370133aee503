"""Imports by a job: the file is stored with the order, and the request is answered."""

from fastapi import Request, Response

from app.core.db.session import Session
from app.core.http.file_upload import uploaded_file
from app.core.http.later import accept
from app.core.jobs import NoJobStore
from app.core.resources.imports.report import ImportOrder


async def import_later(request: Request, order: ImportOrder) -> Response:
    """Store the uploaded file and a job that imports it, in the transaction of the request. Raises NoJobStore."""
    session: Session = request.state.session
    if session.hooks.store_import is None:
        raise NoJobStore
    return accept(request, await session.hooks.store_import(session, uploaded_file(request), order))
