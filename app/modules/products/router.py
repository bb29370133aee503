"""Product endpoints."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import requires
from app.core.http.router import Router
from app.core.resources.links import add_link
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.products.models import PRODUCT_TAGS, StockMovement
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
from app.modules.tags import TagService

router = Router(
    "products",
    name="Products",
    group="Catalogue",
    icon="package",
    sort_order=25,
    about="Products and their stock.",
)

resource = Resource(
    name="product",
    service=ProductService,
    create=ProductCreate,
    update=ProductUpdate,
    read=ProductRead,
    query=ProductQuery,
)
add_resource(router, resource)
add_history(router, resource)
add_link(router, resource, PRODUCT_TAGS, TagService)

Stock = Annotated[StockService, transactional(StockService)]
ReadStock = Annotated[StockService, read_only(StockService, allow_replica=True)]


@router.post(
    "/{id}/stock-movements",
    response_model=MovementRead,
    status_code=HTTPStatus.CREATED,
    dependencies=[requires("products:update")],
)
async def create_stock_movement(stock: Stock, id: UUID, data: MovementCreate) -> StockMovement:
    """Record a stock movement. The stock never becomes negative."""
    return await stock.move(id, data)


@router.get("/{id}/stock-movements", response_model=Page[MovementRead], dependencies=[requires("products:read")])
async def list_stock_movements(stock: ReadStock, id: UUID, query: Annotated[MovementQuery, Query()]) -> RowPage:
    """List the stock movements of a product."""
    return await stock.page(id, query)


@router.get(
    "/{id}/stock-movements/{movement_id}", response_model=MovementRead, dependencies=[requires("products:read")]
)
async def get_stock_movement(stock: ReadStock, id: UUID, movement_id: UUID) -> Any:
    """Get one stock movement."""
    return await stock.get(id, movement_id)
