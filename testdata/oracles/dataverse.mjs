// Drives a Dataverse with dynamics-web-api: node dataverse.mjs BASE OUR_KEY BAD_TEXT
import { DynamicsWebApi } from 'dynamics-web-api'

const [base, ourKey, bad] = process.argv.slice(2)
const form = { grant_type: 'client_credentials', client_id: 'app', client_secret: 'hush', scope: base + '/.default' }
const token = await (await fetch(base + '/t1/oauth2/v2.0/token', { method: 'POST', body: new URLSearchParams(form) })).json()
const api = new DynamicsWebApi({ serverUrl: base, dataApi: { version: '9.2' }, onTokenRefresh: async () => token.access_token })

const upsert = (key, data) => api.upsert({ collection: 'phonecalls', key: `new_pbxcallid='${key}'`, data })
await upsert('pc1', { subject: 'first', directioncode: true })
await upsert('pc1', { subject: 'second' })
const refused = await upsert('pc9', { subject: bad }).then(() => '', (e) => e.message)

api.startBatch()
upsert('pc2', { subject: 'in a batch' })
upsert('pc3', { subject: 'in a batch too' })
const batch = await api.executeBatch()

const read = (key) => api.retrieve({ collection: 'phonecalls', key: `new_pbxcallid='${key}'` })
console.log(JSON.stringify({ ours: await read(ourKey), theirs: await read('pc1'), refused, batch: batch.length }))
