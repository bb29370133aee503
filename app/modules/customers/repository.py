"""Queries over customers."""

from app.core.db.repository import Repository
from app.modules.customers.models import Customer
from app.modules.customers.schemas import CustomerRead


class CustomerRepository(Repository[Customer]):
    """Customers."""

    model = Customer
    read = CustomerRead
