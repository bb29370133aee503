"""Product endpoints."""

from app.core.http.router import Router
from app.core.resources.children import Child, add_children
from app.core.resources.links import add_link
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.products.models import PRODUCT_TAGS
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
    actions={"move-stock": "Record stock movements", "set-price": "Set prices", "export": "Get lists as files"},
)

resource = Resource(
    name="product",
    service=ProductService,
    create=ProductCreate,
    update=ProductUpdate,
    read=ProductRead,
    query=ProductQuery,
)
movements = Child(
    name="stock movement",
    path="stock-movements",
    service=StockService,
    create=MovementCreate,
    read=MovementRead,
    query=MovementQuery,
    summary="Record a stock movement. The stock never becomes negative.",
    action="move-stock",
)
add_resource(router, resource)
add_history(router, resource)
add_children(router, resource, movements)
add_link(router, resource, PRODUCT_TAGS, TagService)
