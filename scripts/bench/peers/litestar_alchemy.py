"""Litestar + advanced-alchemy: services of that library, msgspec structs, a commit before the response is sent."""

import os
from collections.abc import AsyncGenerator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from advanced_alchemy.base import UUIDAuditBase
from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
)
from advanced_alchemy.filters import LimitOffset, OrderBy
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService
from litestar import Controller, Litestar, get, patch, post
from litestar.di import Provide
from litestar.exceptions import ValidationException
from litestar.params import Parameter
from sqlalchemy import ForeignKey, Index, Numeric, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship


class Task(UUIDAuditBase):
    __tablename__ = "task"
    __table_args__ = (Index("ix_task_created_at", "created_at"),)

    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(10_000))
    status: Mapped[str] = mapped_column(String(32), default="todo")
    priority: Mapped[str] = mapped_column(String(32), default="normal")
    due_date: Mapped[date | None]
    assignee_id: Mapped[UUID | None]
    completed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Brand(UUIDAuditBase):
    __tablename__ = "brand"

    name: Mapped[str] = mapped_column(String(200), unique=True)


class Category(UUIDAuditBase):
    __tablename__ = "category"

    name: Mapped[str] = mapped_column(String(200), unique=True)


class Product(UUIDAuditBase):
    __tablename__ = "product"
    __table_args__ = (Index("ix_product_created_at", "created_at"),)

    sku: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(10_000))
    price: Mapped[Decimal] = mapped_column(Numeric(15, 4))
    currency: Mapped[str] = mapped_column(String(3))
    stock: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(32), default="draft")
    version: Mapped[int] = mapped_column(default=1)
    brand_id: Mapped[UUID | None] = mapped_column(ForeignKey("brand.id"), index=True)
    category_id: Mapped[UUID | None] = mapped_column(ForeignKey("category.id"), index=True)
    brand: Mapped[Brand | None] = relationship(lazy="raise")
    category: Mapped[Category | None] = relationship(lazy="raise")


class TaskCreate(msgspec.Struct):
    title: str
    description: str | None = None


class TaskUpdate(msgspec.Struct, omit_defaults=True):
    title: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    status: str | msgspec.UnsetType = msgspec.UNSET


class NameCreate(msgspec.Struct):
    name: str


class ProductCreate(msgspec.Struct):
    sku: str
    name: str
    price: Decimal
    currency: str
    description: str | None = None
    status: str = "draft"
    brand_id: UUID | None = None
    category_id: UUID | None = None


class Read(msgspec.Struct, kw_only=True):
    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class TaskRead(Read, kw_only=True):
    title: str
    description: str | None
    status: str
    priority: str
    due_date: date | None
    assignee_id: UUID | None
    completed_at: datetime | None


class Named(msgspec.Struct):
    id: UUID
    name: str


class ProductRead(Read, kw_only=True):
    sku: str
    name: str
    description: str | None
    price: Decimal
    currency: str
    stock: int
    status: str
    brand: Named | None
    category: Named | None


class TaskService(SQLAlchemyAsyncRepositoryService[Task]):
    class Repo(SQLAlchemyAsyncRepository[Task]):
        model_type = Task

    repository_type = Repo


class BrandService(SQLAlchemyAsyncRepositoryService[Brand]):
    class Repo(SQLAlchemyAsyncRepository[Brand]):
        model_type = Brand

    repository_type = Repo


class CategoryService(SQLAlchemyAsyncRepositoryService[Category]):
    class Repo(SQLAlchemyAsyncRepository[Category]):
        model_type = Category

    repository_type = Repo


class ProductService(SQLAlchemyAsyncRepositoryService[Product]):
    class Repo(SQLAlchemyAsyncRepository[Product]):
        model_type = Product

    repository_type = Repo


async def provide_tasks(db_session: AsyncSession) -> AsyncGenerator[TaskService, None]:
    async with TaskService.new(session=db_session) as service:
        yield service


async def provide_products(db_session: AsyncSession) -> AsyncGenerator[ProductService, None]:
    names = [joinedload(Product.brand), joinedload(Product.category)]
    async with ProductService.new(session=db_session, load=names) as service:
        yield service


async def provide_brands(db_session: AsyncSession) -> AsyncGenerator[BrandService, None]:
    async with BrandService.new(session=db_session) as service:
        yield service


async def provide_categories(db_session: AsyncSession) -> AsyncGenerator[CategoryService, None]:
    async with CategoryService.new(session=db_session) as service:
        yield service


Limit = Annotated[int, Parameter(ge=1, le=100)]


class TaskController(Controller):
    path = "/api/v1/tasks"
    dependencies: ClassVar = {"tasks": Provide(provide_tasks)}

    @get("/")
    async def list_tasks(self, tasks: TaskService, limit: Limit = 50) -> list[TaskRead]:
        rows = await tasks.get_many(LimitOffset(limit, 0), OrderBy("created_at", "desc"))
        return [tasks.to_schema(row, schema_type=TaskRead) for row in rows]

    @get("/{id:uuid}")
    async def get_task(self, tasks: TaskService, id: UUID) -> TaskRead:
        return tasks.to_schema(await tasks.get(id), schema_type=TaskRead)

    @post("/")
    async def create_task(self, tasks: TaskService, data: TaskCreate) -> TaskRead:
        return tasks.to_schema(await tasks.create(data), schema_type=TaskRead)

    @patch("/{id:uuid}")
    async def update_task(self, tasks: TaskService, id: UUID, data: TaskUpdate) -> TaskRead:
        return tasks.to_schema(await tasks.update(data, item_id=id), schema_type=TaskRead)


class ProductController(Controller):
    path = "/api/v1/products"
    dependencies: ClassVar = {
        "products": Provide(provide_products),
        "brands": Provide(provide_brands),
        "categories": Provide(provide_categories),
    }

    @get("/")
    async def list_products(self, products: ProductService, limit: Limit = 50) -> list[ProductRead]:
        rows = await products.get_many(LimitOffset(limit, 0), OrderBy("created_at", "desc"))
        return [products.to_schema(row, schema_type=ProductRead) for row in rows]

    @get("/{id:uuid}")
    async def get_product(self, products: ProductService, id: UUID) -> ProductRead:
        return products.to_schema(await products.get(id), schema_type=ProductRead)

    @post("/")
    async def create_product(
        self, products: ProductService, brands: BrandService, categories: CategoryService, data: ProductCreate
    ) -> ProductRead:
        values = msgspec.structs.asdict(data)
        for name, service in (("brand", brands), ("category", categories)):
            if values[f"{name}_id"]:
                values[name] = await service.get_one_or_none(id=values[f"{name}_id"])
                if values[name] is None:
                    raise ValidationException(f"no such {name}")
        product = await products.create(Product(**values), auto_refresh=False)
        return products.to_schema(product, schema_type=ProductRead)


@post("/api/v1/brands", dependencies={"brands": Provide(provide_brands)})
async def create_brand(brands: BrandService, data: NameCreate) -> Named:
    return brands.to_schema(await brands.create(data), schema_type=Named)


@post("/api/v1/categories", dependencies={"categories": Provide(provide_categories)})
async def create_category(categories: CategoryService, data: NameCreate) -> Named:
    return categories.to_schema(await categories.create(data), schema_type=Named)


@get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}


database = SQLAlchemyAsyncConfig(
    connection_string=os.environ["DATABASE_URL"],
    engine_config=EngineConfig(pool_size=10, max_overflow=0),
    session_config=AsyncSessionConfig(expire_on_commit=False),
    before_send_handler="autocommit",
    create_all=True,
)
app = Litestar(
    [TaskController, ProductController, create_brand, create_category, readyz],
    plugins=[SQLAlchemyPlugin(config=database)],
)
