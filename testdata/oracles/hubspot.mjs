// Drives a HubSpot with @hubspot/api-client: node hubspot.mjs BASE TOKEN CONTACT OUR_KEY BAD_TEXT
import { Client } from '@hubspot/api-client'

const [basePath, accessToken, contact, ourKey, bad] = process.argv.slice(2)
const hubspot = new Client({ basePath, accessToken, numberOfApiCallRetries: 0 })
const calls = hubspot.crm.objects.calls
const idProperty = 'pbx_call_id'

const input = (id, properties) => ({ id, idProperty, objectWriteTraceId: id, properties: { hs_timestamp: '1795309323000', ...properties } })
const upsert = (...inputs) => calls.batchApi.upsert({ inputs })
const brief = (e) => ({ status: e.code, category: e.body?.category })

const first = await upsert(input('pc1', { hs_call_title: 'first' }), input('pc9', { hs_call_body: bad }), input('pc2', { hs_call_duration: '7000' }))
const second = await upsert(input('pc1', { hs_call_title: 'second' }))
const twice = await upsert(input('pc3', {}), input('pc3', {})).then(() => null, brief)
const many = await upsert(...Array.from({ length: 101 }, (_, i) => input('pc' + i, {}))).then(() => null, brief)
const read = await calls.batchApi.read({ idProperty, inputs: [{ id: 'pc1' }, { id: ourKey }, { id: 'nobody' }], properties: ['hs_call_title', idProperty], propertiesWithHistory: [] })
const linked = await hubspot.crm.associations.v4.batchApi.createDefault('calls', 'contacts', { inputs: [{ _from: { id: first.results[0].id }, to: { id: contact } }] })
const found = await calls.searchApi.doSearch({
  filterGroups: [{ filters: [{ propertyName: idProperty, operator: 'HAS_PROPERTY' }] }],
  sorts: [{ propertyName: 'hs_timestamp', direction: 'ASCENDING' }], properties: [idProperty], limit: 100,
})
console.log(JSON.stringify({
  first: { written: first.results.length, refused: first.numErrors, context: first.errors[0].context },
  again: second.results[0]._new ?? second.results[0].new, twice, many,
  read: read.results.map((r) => r.properties.hs_call_title), missing: read.errors?.[0]?.context,
  linked: linked.status, found: found.total,
}))
