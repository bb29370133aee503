"""Brand endpoints."""

from app.core.resource import Resource, add_resource
from app.core.routing import Router
from app.modules.audit import add_history
from app.modules.brands.schemas import BrandCreate, BrandQuery, BrandRead, BrandUpdate
from app.modules.brands.service import BrandService

router = Router(
    "brands", name="Brands", group="Catalogue", icon="award", sort_order=30, about="Who makes the products."
)

add_resource(router, Resource("brand", BrandService, BrandCreate, BrandUpdate, BrandRead, BrandQuery))
add_history(router, "brand")
