"""FastAPI + SQLAlchemy's ORM: one transaction a request, without guards, audit log or limits."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Form, HTTPException
from passlib.context import CryptContext
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, ForeignKey, Numeric, String, event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship
from starlette.concurrency import run_in_threadpool

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)
passwords = CryptContext(
    schemes=["argon2"], argon2__type="ID", argon2__time_cost=2, argon2__memory_cost=19456, argon2__parallelism=1
)
PASSWORD = "a long and quiet river"  # noqa: S105  # of a user that exists in this program only
PASSWORD_HASH = passwords.hash(PASSWORD)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The columns that every table has."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now, onupdate=now)
    version: Mapped[int] = mapped_column(default=1)


class Task(Base):
    __tablename__ = "task"

    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(10_000))
    status: Mapped[str] = mapped_column(String(32), default="todo")
    priority: Mapped[str] = mapped_column(String(32), default="normal")
    due_date: Mapped[date | None]
    assignee_id: Mapped[UUID | None]
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Brand(Base):
    __tablename__ = "brand"

    name: Mapped[str] = mapped_column(String(200), unique=True)


class Category(Base):
    __tablename__ = "category"

    name: Mapped[str] = mapped_column(String(200), unique=True)


class Product(Base):
    __tablename__ = "product"

    sku: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(10_000))
    price: Mapped[Decimal] = mapped_column(Numeric(15, 4))
    currency: Mapped[str] = mapped_column(String(3))
    stock: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(32), default="draft")
    brand_id: Mapped[UUID | None] = mapped_column(ForeignKey("brand.id"), index=True)
    category_id: Mapped[UUID | None] = mapped_column(ForeignKey("category.id"), index=True)
    brand: Mapped[Brand | None] = relationship(lazy="raise")
    category: Mapped[Category | None] = relationship(lazy="raise")


class TaskCreate(BaseModel):
    title: str
    description: str | None = None


class TaskUpdate(BaseModel):
    title: str | None = None
    description: str | None = None
    status: str | None = None


class NameCreate(BaseModel):
    name: str


class ProductCreate(BaseModel):
    sku: str
    name: str
    description: str | None = None
    price: Decimal
    currency: str
    status: str = "draft"
    brand_id: UUID | None = None
    category_id: UUID | None = None


class Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class TaskRead(Read):
    title: str
    description: str | None
    status: str
    priority: str
    due_date: date | None
    assignee_id: UUID | None
    completed_at: datetime | None


class Named(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str


class ProductRead(Read):
    sku: str
    name: str
    description: str | None
    price: Decimal
    currency: str
    stock: int
    status: str
    brand: Named | None
    category: Named | None


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


if engine.dialect.name == "sqlite":

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        """Set SQLite up as Attest does."""
        for setting in ("journal_mode=WAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened, opened.begin():
        yield opened


InSession = Annotated[AsyncSession, Depends(session, scope="function")]
app = FastAPI(lifespan=lifespan)
Row = TypeVar("Row", bound=Base)


async def find(session: AsyncSession, model: type[Row], id: UUID | None, status: int = 404) -> Row | None:
    """The row with this id, or an error with `status`; None for no id."""
    if id is None:
        return None
    row = await session.get(model, id)
    if row is None:
        raise HTTPException(status)
    return row


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/api/v1/auth/token")
async def token(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> dict[str, str]:
    if not await run_in_threadpool(passwords.verify, password, PASSWORD_HASH):
        raise HTTPException(401)
    return {"access_token": username}


@app.get("/api/v1/tasks", response_model=list[TaskRead])
async def list_tasks(session: InSession, limit: int = 50) -> Any:
    return (await session.scalars(select(Task).order_by(Task.created_at.desc()).limit(limit))).all()


@app.get("/api/v1/tasks/{id}", response_model=TaskRead)
async def get_task(session: InSession, id: UUID) -> Any:
    return await find(session, Task, id)


@app.post("/api/v1/tasks", response_model=TaskRead, status_code=201)
async def create_task(session: InSession, data: TaskCreate) -> Any:
    task = Task(**data.model_dump())
    session.add(task)
    await session.flush()
    return task


@app.patch("/api/v1/tasks/{id}", response_model=TaskRead)
async def update_task(session: InSession, id: UUID, data: TaskUpdate) -> Any:
    task: Any = await find(session, Task, id)
    for name, value in data.model_dump(exclude_unset=True).items():
        setattr(task, name, value)
    task.version += 1
    await session.flush()
    return task


@app.post("/api/v1/brands", response_model=Named, status_code=201)
async def create_brand(session: InSession, data: NameCreate) -> Any:
    brand = Brand(name=data.name)
    session.add(brand)
    await session.flush()
    return brand


@app.post("/api/v1/categories", response_model=Named, status_code=201)
async def create_category(session: InSession, data: NameCreate) -> Any:
    category = Category(name=data.name)
    session.add(category)
    await session.flush()
    return category


with_names = select(Product).options(joinedload(Product.brand), joinedload(Product.category))


@app.get("/api/v1/products", response_model=list[ProductRead])
async def list_products(session: InSession, limit: int = 50) -> Any:
    return (await session.scalars(with_names.order_by(Product.created_at.desc()).limit(limit))).all()


@app.get("/api/v1/products/{id}", response_model=ProductRead)
async def get_product(session: InSession, id: UUID) -> Any:
    product = (await session.scalars(with_names.where(Product.id == id))).one_or_none()
    if product is None:
        raise HTTPException(404)
    return product


@app.post("/api/v1/products", response_model=ProductRead, status_code=201)
async def create_product(session: InSession, data: ProductCreate) -> Any:
    brand = await find(session, Brand, data.brand_id, status=422)
    category = await find(session, Category, data.category_id, status=422)
    product = Product(**data.model_dump(), brand=brand, category=category)
    session.add(product)
    await session.flush()
    return product
