"""Brand endpoints."""

from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.brands.schemas import BrandCreate, BrandQuery, BrandRead, BrandUpdate
from app.modules.brands.service import BrandService

router = Router("brands", name="Brands", group="Catalogue", icon="award", sort_order=30, about="Makers of products.")

resource = Resource(
    name="brand",
    service=BrandService,
    create=BrandCreate,
    update=BrandUpdate,
    read=BrandRead,
    query=BrandQuery,
)
add_resource(router, resource)
add_history(router, resource)
