"""Answers questions on stdin (a kind of write and a number, as JSON) with the CPU seconds that this process used."""

import json
import os
import sys
import time
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_logs.settings")
django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from django_logs.models import Brand, Category, Product, Task

BULK = 100
TASK = {"title": "bench", "description": "a few words"}


class Writes:
    """One transaction a write."""

    def __init__(self):
        self.task = Task.objects.create(**TASK)
        self.brand = Brand.objects.create(name="Lumen")
        self.category = Category.objects.create(name="Lamps")

    def create(self):
        Task.objects.create(**TASK)

    def update(self):
        task = Task.objects.get(pk=self.task.pk)
        task.title = uuid4().hex
        task.version += 1
        task.save()

    def create_product(self):
        references = {"brand": self.brand, "category": self.category}
        Product.objects.create(sku=uuid4().hex, name="Desk lamp, brass", price="19.90", currency="EUR", **references)

    def create_many(self):
        """As the library keeps a history of it: auditlog has none of `bulk_create`."""
        tasks = [Task(**TASK) for _ in range(BULK)]
        if settings.LIBRARY == "auditlog":
            for task in tasks:
                task.save()
        elif settings.LIBRARY == "simple_history":
            from simple_history.utils import bulk_create_with_history

            bulk_create_with_history(tasks, Task)
        else:
            Task.objects.bulk_create(tasks)


def prepare():
    """Make the tables, the triggers of pghistory, and the first rows."""
    call_command("makemigrations", "django_logs", verbosity=0, interactive=False)
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        return Writes()


def main():
    writes = prepare()
    kinds = {"create": writes.create, "update": writes.update, "create product": writes.create_product}
    kinds["bulk of 100"] = writes.create_many
    connection.ensure_connection()
    print("=ready", flush=True)
    for line in sys.stdin:
        kind, number = json.loads(line)
        started = time.process_time()
        for _ in range(number):
            with transaction.atomic():
                kinds[kind]()
        print(f"={time.process_time() - started}", flush=True)


main()
