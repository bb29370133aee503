"""Answers questions on stdin (a kind of write and a number, as JSON) with the CPU seconds that this process used."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session, configure_mappers, declarative_base

BULK = 100
TASK = {"title": "bench", "description": "a few words"}
Base = declarative_base()
HAS_LOG = os.environ["CHANGE_LOG"] == "continuum"
if HAS_LOG:
    from sqlalchemy_continuum import make_versioned

    make_versioned(user_cls=None)


def now():
    return datetime.now(UTC)


class Row(Base):
    __abstract__ = True
    if HAS_LOG:
        __versioned__ = {}
    id = sa.Column(sa.Uuid, primary_key=True, default=uuid4)
    created_at = sa.Column(sa.DateTime(timezone=True), default=now, index=True)
    updated_at = sa.Column(sa.DateTime(timezone=True), default=now, onupdate=now)
    version = sa.Column(sa.Integer, default=1)


class Task(Row):
    __tablename__ = "task"
    title = sa.Column(sa.String(200), nullable=False)
    description = sa.Column(sa.String(10_000))
    status = sa.Column(sa.String(32), default="todo", nullable=False)
    priority = sa.Column(sa.String(32), default="normal", nullable=False)
    due_date = sa.Column(sa.Date)
    assignee_id = sa.Column(sa.Uuid)
    completed_at = sa.Column(sa.DateTime(timezone=True))


class Brand(Row):
    __tablename__ = "brand"
    name = sa.Column(sa.String(200), unique=True)


class Category(Row):
    __tablename__ = "category"
    name = sa.Column(sa.String(200), unique=True)


class Product(Row):
    __tablename__ = "product"
    sku = sa.Column(sa.String(64), unique=True)
    name = sa.Column(sa.String(200))
    description = sa.Column(sa.String(10_000))
    price = sa.Column(sa.Numeric(15, 4))
    currency = sa.Column(sa.String(3))
    stock = sa.Column(sa.Integer, default=0)
    status = sa.Column(sa.String(32), default="draft")
    brand_id = sa.Column(sa.ForeignKey("brand.id"), index=True)
    category_id = sa.Column(sa.ForeignKey("category.id"), index=True)


class Writes:
    """One transaction a write."""

    def __init__(self, session):
        self.task, self.brand, self.category = Task(**TASK), Brand(name="Lumen"), Category(name="Lamps")
        session.add_all([self.task, self.brand, self.category])
        session.flush()
        self.ids = self.task.id, self.brand.id, self.category.id

    def create(self, session):
        session.add(Task(**TASK))

    def update(self, session):
        task = session.get(Task, self.ids[0])
        task.title = uuid4().hex
        task.version += 1

    def create_product(self, session):
        references = {"brand_id": self.ids[1], "category_id": self.ids[2]}
        session.add(Product(sku=uuid4().hex, name="Desk lamp, brass", price="19.90", currency="EUR", **references))

    def create_many(self, session):
        session.add_all([Task(**TASK) for _ in range(BULK)])


def main():
    host, port = os.environ["PEER_HOST"], os.environ.get("PEER_PORT", "")
    query = {"host": host, **({"port": port} if port else {})}
    url = sa.URL.create(
        "postgresql+psycopg", username=os.environ["PEER_USER"], database=os.environ["PEER_DATABASE"], query=query
    )
    engine = sa.create_engine(url, pool_size=1)
    configure_mappers()
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        writes = Writes(session)
    kinds = {"create": writes.create, "update": writes.update, "create product": writes.create_product}
    kinds["bulk of 100"] = writes.create_many
    print("=ready", flush=True)
    for line in sys.stdin:
        kind, number = json.loads(line)
        started = time.process_time()
        for _ in range(number):
            with Session(engine) as session, session.begin():
                kinds[kind](session)
        print(f"={time.process_time() - started}", flush=True)


main()
