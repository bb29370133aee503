"""Says at the start of a production process that no mail is sent, where that is so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.core.config import Environment
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.modules.mail.service import Mailer

log = structlog.get_logger(__name__)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    if state.settings.environment is Environment.production and not Mailer(state.settings).is_on:
        log.warning("mail_is_off", reason="MAIL__URL is not set")
    yield


HOOKS = ModuleHooks(lifespan=lifespan)
