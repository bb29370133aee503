"""Tasks, brands, categories and products, all of them registered for the audit log."""

from uuid import uuid4

from auditlog.registry import auditlog
from django.db import models


class Row(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.IntegerField(default=1, editable=False)

    class Meta:
        abstract = True


class Task(Row):
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=10_000, null=True)
    status = models.CharField(max_length=32, default="todo")
    priority = models.CharField(max_length=32, default="normal")
    due_date = models.DateField(null=True)
    assignee_id = models.UUIDField(null=True)
    completed_at = models.DateTimeField(null=True)


class Brand(Row):
    name = models.CharField(max_length=200, unique=True)


class Category(Row):
    name = models.CharField(max_length=200, unique=True)


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


for model in (Task, Brand, Category, Product):
    auditlog.register(model)
