"""Queries over brands."""

from app.core.db.repository import Repository
from app.modules.brands.models import Brand
from app.modules.brands.schemas import BrandRead


class BrandRepository(Repository[Brand]):
    """Brands."""

    model = Brand
    read = BrandRead
