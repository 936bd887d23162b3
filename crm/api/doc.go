// Package api serves crm.Store over HTTP: JSON in and out, described by
// /openapi.json, errors as RFC 9457 problem documents. Who somebody is comes from
// crm/auth; what he may do stands in one table (policy.go), and what the table
// does not grant is refused. It knows no PBX and no socket: live calls and the
// state of each PBX come through needs that the daemon fills.
package api
