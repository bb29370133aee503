"""Brand queries."""

from app.core.repository import Repository
from app.modules.brands.models import Brand
from app.modules.brands.schemas import BrandRead


class BrandRepository(Repository[Brand]):
    model = Brand
    read = BrandRead
