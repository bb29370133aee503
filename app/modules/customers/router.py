"""Customer endpoints."""

from app.core.resource import Resource, add_resource
from app.core.routing import Router
from app.modules.audit import add_history
from app.modules.customers.schemas import CustomerCreate, CustomerQuery, CustomerRead, CustomerUpdate
from app.modules.customers.service import CustomerService

router = Router("customers", name="Customers", group="Sales", icon="contact", sort_order=20, about="Who buys.")

add_resource(
    router,
    Resource("customer", CustomerService, CustomerCreate, CustomerUpdate, CustomerRead, CustomerQuery),
)
add_history(router, "customer")
