"""What a CRUD module inherits: schemas, service, router, bulk changes and imports."""
