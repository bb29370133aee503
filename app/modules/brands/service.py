"""Brand rules."""

from app.core.resources.service import Service
from app.modules.brands.models import Brand
from app.modules.brands.repository import BrandRepository


class BrandService(Service[Brand]):
    """Brands."""

    repository = BrandRepository
