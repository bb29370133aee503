'use strict'
// The tables, statements and schemas that both Fastify applications share.

const { randomUUID } = require('node:crypto')
const pg = require('pg')

pg.types.setTypeParser(pg.types.builtins.DATE, (text) => text)

const TABLES = `
  CREATE TABLE IF NOT EXISTS task (id uuid PRIMARY KEY, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    version int NOT NULL, title varchar(200) NOT NULL, description varchar(10000), status varchar(32) NOT NULL,
    priority varchar(32) NOT NULL, due_date date, assignee_id uuid, completed_at timestamptz);
  CREATE INDEX IF NOT EXISTS ix_task_created_at ON task (created_at);
  CREATE TABLE IF NOT EXISTS brand (id uuid PRIMARY KEY, name varchar(200) NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS category (id uuid PRIMARY KEY, name varchar(200) NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS product (id uuid PRIMARY KEY, created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL, version int NOT NULL, sku varchar(64) NOT NULL UNIQUE, name varchar(200) NOT NULL,
    description varchar(10000), price numeric(15, 4) NOT NULL, currency varchar(3) NOT NULL, stock int NOT NULL,
    status varchar(32) NOT NULL, brand_id uuid REFERENCES brand, category_id uuid REFERENCES category);
  CREATE INDEX IF NOT EXISTS ix_product_created_at ON product (created_at);
  CREATE INDEX IF NOT EXISTS ix_product_brand_id ON product (brand_id);
  CREATE INDEX IF NOT EXISTS ix_product_category_id ON product (category_id);`

const WITH_NAMES = `SELECT product.*, brand.name AS brand_name, category.name AS category_name FROM product
  LEFT JOIN brand ON brand.id = brand_id LEFT JOIN category ON category.id = category_id`

// Named statements: node-postgres prepares each once a connection.
const statements = {
  getTask: (id) => ({ name: 'get-task', text: 'SELECT * FROM task WHERE id = $1', values: [id] }),
  listTasks: (limit) => ({
    name: 'list-tasks',
    text: 'SELECT * FROM task ORDER BY created_at DESC LIMIT $1',
    values: [limit]
  }),
  insertTask: ({ title, description = null }) => ({
    name: 'insert-task',
    text: `INSERT INTO task (id, created_at, updated_at, version, title, description, status, priority)
      VALUES ($1, now(), now(), 1, $2, $3, 'todo', 'normal') RETURNING *`,
    values: [randomUUID(), title, description]
  }),
  updateTask: (id, { title = null, description = null, status = null }) => ({
    name: 'update-task',
    text: `UPDATE task SET updated_at = now(), version = version + 1, title = coalesce($2, title),
      description = coalesce($3, description), status = coalesce($4, status) WHERE id = $1 RETURNING *`,
    values: [id, title, description, status]
  }),
  getProduct: (id) => ({ name: 'get-product', text: `${WITH_NAMES} WHERE product.id = $1`, values: [id] }),
  listProducts: (limit) => ({
    name: 'list-products',
    text: `${WITH_NAMES} ORDER BY product.created_at DESC LIMIT $1`,
    values: [limit]
  }),
  findReferences: (brand, category) => ({
    name: 'find-references',
    text: `SELECT (SELECT name FROM brand WHERE id = $1) AS brand_name,
      (SELECT name FROM category WHERE id = $2) AS category_name`,
    values: [brand, category]
  }),
  insertProduct: (product) => ({
    name: 'insert-product',
    text: `INSERT INTO product (id, created_at, updated_at, version, sku, name, description, price, currency, stock,
      status, brand_id, category_id) VALUES ($1, now(), now(), 1, $2, $3, $4, $5, $6, 0, $7, $8, $9) RETURNING *`,
    values: [
      randomUUID(),
      product.sku,
      product.name,
      product.description ?? null,
      product.price,
      product.currency,
      product.status ?? 'draft',
      product.brand_id ?? null,
      product.category_id ?? null
    ]
  }),
  insertName: (table, name) => ({
    text: `INSERT INTO ${table} (id, name) VALUES ($1, $2) RETURNING *`,
    values: [randomUUID(), name]
  })
}

const text = { type: 'string' }
const maybe = { type: 'string', nullable: true }
const at = { type: 'string', format: 'date-time' }
const maybeAt = { type: 'string', format: 'date-time', nullable: true }
const read = { id: text, version: { type: 'integer' }, created_at: at, updated_at: at }
const named = { type: 'object', properties: { id: text, name: text } }
const taskRead = {
  type: 'object',
  properties: {
    ...read,
    title: text,
    description: maybe,
    status: text,
    priority: text,
    due_date: maybe,
    assignee_id: maybe,
    completed_at: maybeAt
  }
}
const productRead = {
  type: 'object',
  properties: {
    ...read,
    sku: text,
    name: text,
    description: maybe,
    price: text,
    currency: text,
    stock: { type: 'integer' },
    status: text,
    brand: { ...named, nullable: true },
    category: { ...named, nullable: true }
  }
}
const uuid = { type: 'string', format: 'uuid' }
const byId = { type: 'object', properties: { id: uuid } }
const page = { type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 50 } } }
const taskProperties = { title: { type: 'string', minLength: 1, maxLength: 200 }, description: maybe, status: text }
const taskBody = { type: 'object', required: ['title'], properties: taskProperties, additionalProperties: false }
const taskChange = { type: 'object', properties: taskProperties, additionalProperties: false }
const nameBody = { type: 'object', required: ['name'], properties: { name: text } }
const productBody = {
  type: 'object',
  required: ['sku', 'name', 'price', 'currency'],
  additionalProperties: false,
  properties: {
    sku: { type: 'string', minLength: 1, maxLength: 64 },
    name: { type: 'string', minLength: 1, maxLength: 200 },
    description: maybe,
    price: { type: 'string', pattern: '^[0-9]{1,11}(\\.[0-9]{1,4})?$' },
    currency: { type: 'string', minLength: 3, maxLength: 3 },
    status: text,
    brand_id: uuid,
    category_id: uuid
  }
}

const schemas = {
  getTask: { params: byId, response: { 200: taskRead } },
  listTasks: { querystring: page, response: { 200: { type: 'array', items: taskRead } } },
  createTask: { body: taskBody, response: { 201: taskRead } },
  updateTask: { params: byId, body: taskChange, response: { 200: taskRead } },
  getProduct: { params: byId, response: { 200: productRead } },
  listProducts: { querystring: page, response: { 200: { type: 'array', items: productRead } } },
  createProduct: { body: productBody, response: { 201: productRead } },
  createName: { body: nameBody, response: { 201: named } }
}

function toProduct (row) {
  row.brand = row.brand_id && { id: row.brand_id, name: row.brand_name }
  row.category = row.category_id && { id: row.category_id, name: row.category_name }
  return row
}

// The names of brand and category; null where one of them is not there.
function checkReferences (product, found) {
  if (product.brand_id && found.brand_name === null) return null
  if (product.category_id && found.category_name === null) return null
  return found
}

module.exports = { TABLES, statements, schemas, toProduct, checkReferences, pool: () => new pg.Pool({ max: 10 }) }
