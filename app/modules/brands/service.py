"""Brand rules."""

from app.core.service import Service
from app.modules.brands.models import Brand
from app.modules.brands.repository import BrandRepository


class BrandService(Service[Brand]):
    repository = BrandRepository
