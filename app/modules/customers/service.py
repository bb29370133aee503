"""Customer rules."""

from app.core.service import Service
from app.modules.customers.models import Customer
from app.modules.customers.repository import CustomerRepository


class CustomerService(Service[Customer]):
    repository = CustomerRepository
