"use strict";

// Shows /openapi.json. Everything is put in as text, never as markup.

const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};

const typeOf = (schema) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const type = [].concat(schema.type || "any").filter((t) => t !== "null").join(" or ");
  if (type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.enum) return schema.enum.join(" | ");
  return schema.format ? `${type} (${schema.format})` : type;
};

const limitsOf = (schema) => {
  const names = { minimum: "from", maximum: "to", minLength: "min length", maxLength: "max length", maxItems: "max items", default: "default" };
  return Object.keys(names).filter((k) => schema && schema[k] !== undefined).map((k) => `${names[k]} ${schema[k]}`).join(", ");
};

const table = (heads, rows) => {
  const head = make("tr");
  for (const h of heads) head.append(make("th", h));
  const body = make("tbody");
  for (const cells of rows) {
    const row = make("tr");
    cells.forEach((c, i) => row.append(i ? make("td", c) : make("td", "", make("code", c))));
    body.append(row);
  }
  return make("table", "", make("thead", "", head), body);
};

const fields = (schema, schemas) => {
  const s = schema && schema.$ref ? schemas[schema.$ref.split("/").pop()] : schema;
  if (!s || !s.properties) return null;
  const needed = new Set(s.required || []);
  return table(["field", "type", "", "meaning"], Object.entries(s.properties).map(([name, p]) =>
    [name, typeOf(p), needed.has(name) ? "required" : "", [p.description, limitsOf(p)].filter(Boolean).join("; ")]));
};

const content = (title, holder, schemas) => {
  const media = Object.values((holder && holder.content) || {})[0];
  if (!media) return [];
  const shown = fields(media.schema, schemas) || make("p", typeOf(media.schema));
  return [make("h4", `${title}: ${typeOf(media.schema)}`), shown];
};

const headers = (response) => {
  const rows = Object.entries(response.headers || {}).map(([name, h]) => [name, typeOf(h.schema), h.description || ""]);
  return rows.length ? [table(["header", "type", "meaning"], rows)] : [];
};

const routeOf = (path, method, op, schemas) => {
  const inside = make("div");
  if (op.description) inside.append(Object.assign(make("p", op.description), { className: "text" }));
  inside.append(make("p", op.security ? "Needs an access token." : "Needs no access token."));
  if ((op.parameters || []).length) {
    inside.append(make("h4", "Parameters"), table(["name", "in", "type", "meaning"], op.parameters.map((p) =>
      [p.name, p.in + (p.required ? ", required" : ""), typeOf(p.schema), [p.description, limitsOf(p.schema)].filter(Boolean).join("; ")])));
  }
  inside.append(...content("Request", op.requestBody, schemas));
  for (const [status, response] of Object.entries(op.responses || {})) {
    inside.append(...content(`Answer ${status === "default" ? "to what goes wrong" : status}`, response, schemas), ...headers(response));
  }
  const verb = Object.assign(make("span", method.toUpperCase()), { className: "method" });
  const details = make("details", "", make("summary", "", verb, make("code", path), ` ${op.summary || ""}`), inside);
  details.id = op.operationId;
  return details;
};

const show = (spec) => {
  document.getElementById("about").textContent = `${spec.info.description}\n\nVersion ${spec.info.version}`;
  const schemas = (spec.components && spec.components.schemas) || {};
  const main = document.getElementById("routes");
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, op] of Object.entries(item)) main.append(routeOf(path, method, op, schemas));
  }
  main.append(make("h2", "Types"));
  for (const [name, schema] of Object.entries(schemas)) {
    const inside = make("div", "", fields(schema, schemas) || make("p", typeOf(schema)));
    main.append(make("details", "", make("summary", name), inside));
  }
};

document.getElementById("find").addEventListener("input", (event) => {
  const word = event.target.value.toLowerCase();
  for (const d of document.querySelectorAll("details")) d.hidden = !d.textContent.toLowerCase().includes(word);
});

fetch("/openapi.json").then((r) => r.json()).then(show).catch((err) => {
  document.getElementById("about").textContent = `Cannot read /openapi.json: ${err.message}`;
});
