"""Customer endpoints."""

from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_erasure, add_history
from app.modules.customers.schemas import CustomerCreate, CustomerQuery, CustomerRead, CustomerUpdate
from app.modules.customers.service import CustomerService

router = Router(
    "customers",
    name="Customers",
    group="Sales",
    icon="contact",
    sort_order=20,
    about="Customers.",
    actions={"read-personal": "Read personal data of customers", "export": "Get lists as files"},
)

resource = Resource(
    name="customer",
    service=CustomerService,
    create=CustomerCreate,
    update=CustomerUpdate,
    read=CustomerRead,
    query=CustomerQuery,
    title="last_name",
)
add_resource(router, resource)
add_history(router, resource)
add_erasure(router, resource)
