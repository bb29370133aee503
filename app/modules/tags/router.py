"""Tag endpoints."""

from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.tags.schemas import TagCreate, TagQuery, TagRead, TagUpdate
from app.modules.tags.service import TagService

router = Router("tags", name="Tags", group="Catalogue", icon="tag", sort_order=40, about="Labels of products.")

resource = Resource(
    name="tag",
    service=TagService,
    create=TagCreate,
    update=TagUpdate,
    read=TagRead,
    query=TagQuery,
)
add_resource(router, resource)
add_history(router, resource)
