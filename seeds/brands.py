"""Demo brands."""

from app.core.db.session import Session
from app.modules.brands.models import Brand
from app.modules.brands.schemas import BrandCreate
from app.modules.brands.service import BrandService
from seeds import is_new

NAMES = (
    "Ahlgren", "Bellweather", "Casa Nova", "Dornfeld", "Eastlake", "Fjordlys", "Granvia", "Hestia", "Ironwood",
    "Juniper & Co", "Kestrel", "Lumen", "Mirabel", "Northgate", "Oakline", "Pastiche", "Quarry", "Rivertown",
    "Solberg", "Tamarind",
)  # fmt: skip


async def seed(session: Session, _count: int) -> dict[str, str]:
    if await is_new(session, Brand):
        items = [BrandCreate(name=name, description=f"{name}, makers of things for the home.") for name in NAMES]
        await BrandService(session).create_many(items)
    return {}
