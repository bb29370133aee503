"""Category endpoints."""

from app.core.resource import Resource, add_resource
from app.core.routing import Router
from app.modules.audit import add_history
from app.modules.categories.schemas import CategoryCreate, CategoryQuery, CategoryRead, CategoryUpdate
from app.modules.categories.service import CategoryService

router = Router(
    "categories",
    name="Categories",
    group="Catalogue",
    icon="folder-tree",
    sort_order=35,
    about="A tree of what the products are.",
)

add_resource(
    router,
    Resource("category", CategoryService, CategoryCreate, CategoryUpdate, CategoryRead, CategoryQuery),
)
add_history(router, "category")
