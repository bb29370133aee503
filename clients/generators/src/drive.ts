// Calls a running server with each generated client: sign in, create, list, and send a file.
import assert from "node:assert/strict";
import axios from "axios";
import { AuthApi, BrandsApi, Configuration } from "../generated/openapi-generator/index.js";
import { getAttest } from "../generated/orval-axios.js";
import * as orvalFetch from "../generated/orval-fetch.js";

const { API_URL = "http://127.0.0.1:8000", API_USER: username = "", API_PASSWORD: password = "" } = process.env;
const run = crypto.randomUUID();

/** A name that no other run has used, and a file that has another one. */
function names(client: string): { name: string; file: File } {
  const rows = `name\n${client} file ${run}\n`;
  return { name: `${client} ${run}`, file: new File([rows], "brands.csv", { type: "text/csv" }) };
}

async function driveOpenApiGenerator(): Promise<string> {
  const { accessToken } = await new AuthApi(new Configuration({ basePath: API_URL })).createToken({
    username,
    password,
  });
  const brands = new BrandsApi(new Configuration({ basePath: API_URL, accessToken }));
  const { name, file } = names("openapi-generator");

  const created = await brands.createBrand({ brandCreate: { name } });
  const found = await brands.listBrands({ q: name, deleted: undefined });
  const report = await brands.importBrands({ file });

  assert.equal(found.items[0]?.id, created.id);
  assert.ok(created.createdAt instanceof Date);
  assert.equal(report.created, 1);
  return accessToken;
}

async function driveOrvalAxios(accessToken: string): Promise<void> {
  axios.defaults.baseURL = API_URL;
  axios.defaults.headers.common["Authorization"] = `Bearer ${accessToken}`;
  const client = getAttest();
  const { name, file } = names("orval-axios");

  const created = await client.createBrand({ name });
  const found = await client.listBrands({ q: name });
  const report = await client.importBrands({ file });

  assert.equal(found.data.items[0]?.id, created.data.id);
  assert.ok("created" in report.data && report.data.created === 1); // else a job would import the file
}

async function driveOrvalFetch(accessToken: string): Promise<void> {
  const { fetch } = globalThis;
  globalThis.fetch = (url, init) => fetch(`${API_URL}${String(url)}`, init); // what a page of the same origin does
  const headers = { Authorization: `Bearer ${accessToken}` };
  const { name, file } = names("orval-fetch");

  const created = await orvalFetch.createBrand({ name }, { headers });
  const found = await orvalFetch.listBrands({ q: name }, { headers });
  const report = await orvalFetch.importBrands({ file }, undefined, { headers });

  assert.ok(created.status === 201 && found.status === 200 && report.status === 200);
  assert.equal(found.data.items[0]?.id, created.data.id);
  assert.equal(report.data.created, 1);
}

const token = await driveOpenApiGenerator();
await driveOrvalAxios(token);
await driveOrvalFetch(token);
console.log("generators: brands created, listed and imported by clients of OpenAPI Generator and orval");
