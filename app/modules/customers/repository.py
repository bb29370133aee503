"""Customer queries."""

from app.core.repository import Repository
from app.modules.customers.models import Customer
from app.modules.customers.schemas import CustomerRead


class CustomerRepository(Repository[Customer]):
    model = Customer
    read = CustomerRead
