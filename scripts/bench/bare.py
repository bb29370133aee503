"""The application to compare with: the same work in FastAPI + SQLAlchemy without guards, audit log or limits."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Form, HTTPException
from passlib.context import CryptContext
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, String, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.concurrency import run_in_threadpool

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)
passwords = CryptContext(
    schemes=["argon2"], argon2__type="ID", argon2__time_cost=2, argon2__memory_cost=19456, argon2__parallelism=1
)
PASSWORD = "a long and quiet river"  # noqa: S105  # of a user that exists in this program only
PASSWORD_HASH = passwords.hash(PASSWORD)


class Base(DeclarativeBase):
    pass


def now() -> datetime:
    return datetime.now(UTC)


class Item(Base):
    __tablename__ = "bare_task"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    version: Mapped[int] = mapped_column(default=1)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(10_000))
    status: Mapped[str] = mapped_column(String(32), default="todo")
    priority: Mapped[str] = mapped_column(String(32), default="normal")
    due_date: Mapped[datetime | None]
    assignee_id: Mapped[UUID | None]
    completed_at: Mapped[datetime | None]


class ItemCreate(BaseModel):
    title: str
    description: str | None = None


class ItemRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    title: str
    description: str | None
    status: str
    priority: str
    due_date: datetime | None
    assignee_id: UUID | None
    completed_at: datetime | None


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened, opened.begin():
        yield opened


InSession = Annotated[AsyncSession, Depends(session, scope="function")]
app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/api/v1/auth/token")
async def token(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> dict[str, str]:
    if not await run_in_threadpool(passwords.verify, password, PASSWORD_HASH):
        raise HTTPException(401)
    return {"access_token": username}


@app.get("/api/v1/tasks", response_model=list[ItemRead])
async def list_items(session: InSession, limit: int = 50) -> Any:
    return (await session.scalars(select(Item).order_by(Item.created_at.desc()).limit(limit))).all()


@app.get("/api/v1/tasks/{id}", response_model=ItemRead)
async def get_item(session: InSession, id: UUID) -> Any:
    found = await session.get(Item, id)
    if found is None:
        raise HTTPException(404)
    return found


@app.post("/api/v1/tasks", response_model=ItemRead, status_code=201)
async def create_item(session: InSession, data: ItemCreate) -> Item:
    item = Item(**data.model_dump())
    session.add(item)
    await session.flush()
    return item
