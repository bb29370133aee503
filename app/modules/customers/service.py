"""Customer rules."""

from app.core.resources.service import Service
from app.modules.customers.models import Customer
from app.modules.customers.repository import CustomerRepository


class CustomerService(Service[Customer]):
    """Customers."""

    repository = CustomerRepository
