"""Product endpoints."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db import provided, reading
from app.core.guard import requires
from app.core.page import Page, Window
from app.core.resource import Resource, add_resource
from app.core.routing import Router
from app.modules.audit import add_history
from app.modules.products.models import StockMovement
from app.modules.products.schemas import (
    MovementCreate,
    MovementQuery,
    MovementRead,
    ProductCreate,
    ProductQuery,
    ProductRead,
    ProductUpdate,
)
from app.modules.products.service import ProductService, StockService

router = Router(
    "products",
    name="Products",
    group="Catalogue",
    icon="package",
    sort_order=25,
    about="What is sold, and how much of it is there.",
)

add_resource(router, Resource("product", ProductService, ProductCreate, ProductUpdate, ProductRead, ProductQuery))
add_history(router, "product")

Stock = Annotated[StockService, provided(StockService)]
ReadStock = Annotated[StockService, reading(StockService)]


@router.post(
    "/{id}/stock-movements",
    response_model=MovementRead,
    status_code=HTTPStatus.CREATED,
    dependencies=[requires("products:update")],
)
async def create_stock_movement(stock: Stock, id: UUID, data: MovementCreate) -> StockMovement:
    """Note that some of a product came or went."""
    return await stock.move(id, data)


@router.get("/{id}/stock-movements", response_model=Page[MovementRead], dependencies=[requires("products:read")])
async def list_stock_movements(stock: ReadStock, id: UUID, query: Annotated[MovementQuery, Query()]) -> Window:
    """List what came and went of a product."""
    return await stock.page(id, query)


@router.get(
    "/{id}/stock-movements/{movement_id}", response_model=MovementRead, dependencies=[requires("products:read")]
)
async def get_stock_movement(stock: ReadStock, id: UUID, movement_id: UUID) -> Any:
    """Get one movement."""
    return await stock.get(id, movement_id)
