"""Tasks, brands, categories and products, with the change log of the library."""

from uuid import uuid4

from django.conf import settings
from django.db import models


class Row(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.IntegerField(default=1, editable=False)

    class Meta:
        abstract = True


if settings.LIBRARY == "pghistory":
    import pghistory

    def track(model):
        return pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())(model)

elif settings.LIBRARY == "auditlog":
    from auditlog.registry import auditlog

    track = auditlog.register()
elif settings.LIBRARY == "simple_history":
    from simple_history import register

    def track(model):
        register(model, app="django_logs")
        return model

else:

    def track(model):
        return model


@track
class Task(Row):
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=10_000, null=True)
    status = models.CharField(max_length=32, default="todo")
    priority = models.CharField(max_length=32, default="normal")
    due_date = models.DateField(null=True)
    assignee_id = models.UUIDField(null=True)
    completed_at = models.DateTimeField(null=True)


@track
class Brand(Row):
    name = models.CharField(max_length=200, unique=True)


@track
class Category(Row):
    name = models.CharField(max_length=200, unique=True)


@track
class Product(Row):
    sku = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=10_000, null=True)
    price = models.DecimalField(max_digits=15, decimal_places=4)
    currency = models.CharField(max_length=3)
    stock = models.IntegerField(default=0, editable=False)
    status = models.CharField(max_length=32, default="draft")
    brand = models.ForeignKey(Brand, models.RESTRICT, null=True)
    category = models.ForeignKey(Category, models.RESTRICT, null=True)
