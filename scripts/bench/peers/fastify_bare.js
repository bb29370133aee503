'use strict'
// Fastify + node-postgres, nothing else: named statements, schemas for bodies and answers, no guards, no audit log.

const { TABLES, statements, schemas, toProduct, checkReferences, pool } = require('./fastify_tables')

const app = require('fastify')()
const database = pool()

async function first (statement) {
  return (await database.query(statement)).rows[0]
}

app.get('/readyz', async () => ({ status: 'ready' }))

app.get('/api/v1/tasks/:id', { schema: schemas.getTask }, async (request, reply) => {
  return (await first(statements.getTask(request.params.id))) ?? reply.code(404).send()
})

app.get('/api/v1/tasks', { schema: schemas.listTasks }, async (request) => {
  return (await database.query(statements.listTasks(request.query.limit))).rows
})

app.post('/api/v1/tasks', { schema: schemas.createTask }, async (request, reply) => {
  reply.code(201)
  return first(statements.insertTask(request.body))
})

app.patch('/api/v1/tasks/:id', { schema: schemas.updateTask }, async (request, reply) => {
  return (await first(statements.updateTask(request.params.id, request.body))) ?? reply.code(404).send()
})

app.get('/api/v1/products/:id', { schema: schemas.getProduct }, async (request, reply) => {
  const row = await first(statements.getProduct(request.params.id))
  return row ? toProduct(row) : reply.code(404).send()
})

app.get('/api/v1/products', { schema: schemas.listProducts }, async (request) => {
  return (await database.query(statements.listProducts(request.query.limit))).rows.map(toProduct)
})

app.post('/api/v1/products', { schema: schemas.createProduct }, async (request, reply) => {
  const product = request.body
  const found = await first(statements.findReferences(product.brand_id, product.category_id))
  const names = checkReferences(product, found)
  if (!names) return reply.code(422).send()
  reply.code(201)
  return toProduct({ ...(await first(statements.insertProduct(product))), ...names })
})

for (const [path, table] of [['brands', 'brand'], ['categories', 'category']]) {
  app.post(`/api/v1/${path}`, { schema: schemas.createName }, async (request, reply) => {
    reply.code(201)
    return first(statements.insertName(table, request.body.name))
  })
}

async function start () {
  await database.query(TABLES)
  await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
}

start()
