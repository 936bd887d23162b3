# Drives an Odoo with odoorpc: python3 odoo.py PORT DATABASE USER KEY OUR_KEY BAD_TEXT
import json
import sys

import odoorpc

port, database, user, key, our_key, bad = sys.argv[1:]
odoo = odoorpc.ODOO("127.0.0.1", port=int(port))
odoo.login(database, user, key)

calls = odoo.env["crm.phonecall"]
fields = ["id", "name", "date", "user_id/.id"]
utc = {"tz": "UTC"}


def load(*rows):
    rows = [list(row) for row in rows]
    return odoo.execute_kw("crm.phonecall", "load", [fields, rows], {"context": utc})


def fault(call):
    try:
        call()
    except odoorpc.error.RPCError as e:
        return e.info["data"]["name"]


first = load(("patchcord.pc1", "first", "2026-11-22 01:02:03", "7"), ("patchcord.pc2", "too", "2026-11-22 01:02:03", "7"))
second = load(("patchcord.pc1", "second", "2026-11-22 01:02:03", "7"))
nobody = load(("patchcord.pc3", "third", "2026-11-22 01:02:03", "404"))
refused = load(("patchcord.pc3", bad, "2026-11-22 01:02:03", "7"), ("patchcord.pc4", "good", "2026-11-22 01:02:03", "7"))

ours = odoo.execute_kw("ir.model.data", "search_read", [[["name", "=", our_key]]], {"fields": ["res_id", "module"]})
names = {r["id"]: r["name"] for r in odoo.execute_kw("crm.phonecall", "search_read", [[]], {"fields": ["name"]})}
print(json.dumps({
    "ids": first["ids"], "again": second["ids"], "nobody": nobody, "refused": refused,
    "module": ours[0]["module"], "ours": names[ours[0]["res_id"]], "names": sorted(names.values()),
    "missing": fault(lambda: odoo.execute_kw("no.model", "search_read", [[]], {})),
    "denied": fault(lambda: odoo.json("/jsonrpc", {
        "service": "object", "method": "execute_kw", "args": [database, 7, "wrong", "crm.phonecall", "search_read", [[]]],
    })),
}))
