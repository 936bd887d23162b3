// Drives a Salesforce with jsforce: node salesforce.mjs BASE CLIENT_ID USERNAME KEY_FILE OUR_KEY BAD_TEXT
import crypto from 'node:crypto'
import fs from 'node:fs'
import jsforce from 'jsforce'

const [base, clientId, username, keyFile, ourKey, bad] = process.argv.slice(2)
const field = 'PBX_Call_Id__c'

const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url')
const claims = { iss: clientId, sub: username, aud: base, exp: Math.floor(Date.now() / 1000) + 120 }
const signed = part({ alg: 'RS256' }) + '.' + part(claims)
const assertion = signed + '.' + crypto.sign('sha256', Buffer.from(signed), fs.readFileSync(keyFile)).toString('base64url')

const conn = new jsforce.Connection({ version: '59.0', oauth2: { loginUrl: base } })
await conn.authorize({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })

const task = (key, more) => ({ [field]: key, Subject: 'from jsforce', Status: 'Completed', CallDurationInSeconds: 7, ...more })
const tasks = conn.sobject('Task')
const first = await tasks.upsert([task('pc1'), task('pc2', { Description: bad }), task('pc3')], field, { allOrNone: false })
const second = await tasks.upsert([task('pc1', { Subject: 'again' })], field, { allOrNone: false })
const found = await conn.query(`SELECT Id, Subject, ${field} FROM Task WHERE ${field} IN ('pc1', 'pc2', 'pc3')`)
const ours = await conn.query(`SELECT Id, Subject, CallDurationInSeconds FROM Task WHERE ${field} = '${ourKey}'`)
const refused = await conn.query('SELECT nonsense').catch((e) => e.errorCode ?? e.name)

console.log(JSON.stringify({
  first, second, found: found.records, ours: ours.records, refused,
  used: conn.limitInfo.apiUsage?.used ?? 0,
}))
