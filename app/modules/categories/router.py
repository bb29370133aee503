"""Category endpoints."""

from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.categories.schemas import CategoryCreate, CategoryQuery, CategoryRead, CategoryUpdate
from app.modules.categories.service import CategoryService

router = Router(
    "categories",
    name="Categories",
    group="Catalogue",
    icon="folder-tree",
    sort_order=35,
    about="A tree of product categories.",
)

resource = Resource(
    name="category",
    service=CategoryService,
    create=CategoryCreate,
    update=CategoryUpdate,
    read=CategoryRead,
    query=CategoryQuery,
)
add_resource(router, resource)
add_history(router, resource)
